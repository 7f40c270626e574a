import { generic } from '../../../src/vendors/generic.ts'
import { genericFixtures } from '../../fixtures/vendors/generic.ts'
import { describeVendor } from './describe-vendor.ts'

describeVendor(generic, genericFixtures)
