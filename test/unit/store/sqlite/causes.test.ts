import { describe, expect, it } from 'vitest'
import { StoreBusy, StoreError } from '../../../../src/store/errors.ts'
import { Damage, isBusy, isDamage, isRefusal, toStoreError } from '../../../../src/store/sqlite/causes.ts'

const sqlite = (errcode: number) => Object.assign(new Error('as SQLite says'), { code: 'ERR_SQLITE_ERROR', errcode })
const system = (code: string) => Object.assign(new Error(`${code}: as the system says`), { code, syscall: 'open' })
const reason = (error: unknown) => toStoreError(error, 'the store').reason

describe('what an error means', () => {
  it('is in the low byte of what SQLite says', () => {
    const [full, readOnly, readOnlyDirectory, cantOpen, permission, corrupt, notDatabase] = [13, 8, 1544, 14, 3, 11, 26]
    expect([full, readOnly, readOnlyDirectory].map((code) => reason(sqlite(code)))).toEqual([
      'full',
      'read-only',
      'read-only',
    ])
    expect([cantOpen, permission].map((code) => reason(sqlite(code)))).toEqual(['no-access', 'no-access'])
    expect([corrupt, notDatabase].map((code) => reason(sqlite(code)))).toEqual(['damaged', 'damaged'])
    expect([10, 778, 1].map((code) => reason(sqlite(code)))).toEqual(['failed', 'failed', 'failed'])
  })

  it('is in the code of what the system says', () => {
    expect(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'ENOTDIR'].map((code) => reason(system(code)))).toEqual([
      'full',
      'full',
      'read-only',
      'no-access',
      'no-access',
      'failed',
    ])
  })

  it('is told in words, with what was wanted', () => {
    expect(toStoreError(sqlite(13), 'the store cannot be written').message).toBe(
      'the store cannot be written: the disk is full',
    )
    expect(toStoreError(system('ENOTDIR'), 'it').message).toBe('it: ENOTDIR: as the system says')
    const known = new StoreBusy('/state')
    expect(toStoreError(known, 'it')).toBe(known)
    expect(toStoreError('thrown text', 'it')).toEqual(new StoreError('failed', 'it: thrown text'))
  })
})

describe('whose fault an error is', () => {
  it('the file’s: it is damaged, ends too early, or does not hold what it should', () => {
    const noSuchTable = 1
    const ioShortRead = 522
    for (const code of [11, 26, ioShortRead, noSuchTable]) expect(isDamage(sqlite(code))).toBe(true)
    expect(isDamage(new Damage('newer'))).toBe(true)
  })

  it('not the file’s: then it must not be set aside', () => {
    for (const code of [5, 261, 8, 10, 13, 14]) expect(isDamage(sqlite(code))).toBe(false)
    expect(isDamage(system('EACCES'))).toBe(false)
    expect(isDamage(new TypeError('a mistake of ours'))).toBe(false)
    expect(isDamage(new StoreBusy('/state'))).toBe(false)
  })

  it('the change’s: a constraint, or a value that no column can hold', () => {
    const constraint = 19
    expect(isRefusal(sqlite(constraint))).toBe(true)
    expect(isRefusal(Object.assign(new TypeError('cannot be bound'), { code: 'ERR_INVALID_ARG_TYPE' }))).toBe(true)
    for (const code of [5, 7, 8, 10, 11, 13]) expect(isRefusal(sqlite(code))).toBe(false)
  })

  it('another process’s: the lock, extended code or not', () => {
    expect([5, 261, 6].map((code) => isBusy(sqlite(code)))).toEqual([true, true, false])
  })
})
