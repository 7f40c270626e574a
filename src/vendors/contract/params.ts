/** Short forms for the parameters in a vendor's table. */
import type { Param } from './operation.ts'

type Rest = Omit<Partial<Param>, 'type' | 'about' | 'term'>
type Make = (about: string, term: string, rest?: Rest) => Param

const make =
  (type: Param['type']): Make =>
  (about, term, rest) => ({ type, about, term, ...rest })

export const text = make('string')
export const whole = make('integer')
export const toggle = make('boolean')
export const list = make('csv')
export const required = { required: true } as const
/** Taken from the credentials: the user does not write it, and it is masked. */
export const fromCredentials = { secret: true, managed: true } as const
