// biome-ignore-all lint/style/useNamingConvention: the vendors' own names and those of environment variables
/** Invented accounts at the simulated list vendors, as the vendor knows them and as the environment of an example holds them. */
import { readFileSync } from 'node:fs'
import type { DialectName } from './list-api-dialects.ts'

interface Account {
  readonly dialect: DialectName
  readonly keys: Readonly<Record<string, string>>
  readonly environment: Readonly<Record<string, string>>
}

const kuaidaili: Account = {
  dialect: 'kuaidaili',
  keys: { secret_id: 'INVENTED-id', secret_key: 'INVENTED+key/1==' },
  environment: { KDL_SECRET_ID: 'INVENTED-id', KDL_SECRET_KEY: 'INVENTED+key/1==' },
}

/** By the name of the example: config/examples/generic-NAME.yaml. */
export const accounts = {
  kuaidaili,
  'kuaidaili-hmac': kuaidaili,
  zhima: {
    dialect: 'zhima',
    keys: { pack: '123456', neek: '56789', appkey: 'INVENTED-appkey' },
    environment: { ZHIMA_PACK: '123456', ZHIMA_NEEK: '56789', ZHIMA_APPKEY: 'INVENTED-appkey' },
  },
  xiaoxiang: {
    dialect: 'xiaoxiang',
    keys: { appKey: 'INVENTED-key', appSecret: 'INVENTED-secret' },
    environment: { XIAOXIANG_KEY: 'INVENTED-key', XIAOXIANG_SECRET: 'INVENTED-secret' },
  },
  wandou: { dialect: 'wandou', keys: { app_key: 'INVENTED-key' }, environment: { WANDOU_KEY: 'INVENTED-key' } },
  ipzan: {
    dialect: 'ipzan',
    keys: { no: '20260101000000', secret: 'INVENTED-secret' },
    environment: { IPZAN_NO: '20260101000000', IPZAN_SECRET: 'INVENTED-secret' },
  },
  xiequ: {
    dialect: 'xiequ',
    keys: { uid: '12345', vkey: 'INVENTED-vkey', ukey: 'INVENTED-ukey' },
    environment: { XIEQU_UID: '12345', XIEQU_VKEY: 'INVENTED-vkey', XIEQU_UKEY: 'INVENTED-ukey' },
  },
  zdaye: {
    dialect: 'zdaye',
    // The middle of md5('INVENTED-password').
    keys: { api: '2026010112345', akey: 'f9fc7f67106e51a4' },
    environment: { ZDAYE_API: '2026010112345', ZDAYE_PASSWORD: 'INVENTED-password' },
  },
  asiyun: {
    dialect: 'asiyun',
    keys: { orderId: 'O26010112345', secret: 'INVENTED-secret' },
    environment: { ASIYUN_ORDER: 'O26010112345', ASIYUN_SECRET: 'INVENTED-secret' },
  },
} as const satisfies Readonly<Record<string, Account>>

export type ExampleName = keyof typeof accounts
export const exampleNames = Object.keys(accounts) as readonly ExampleName[]

export function exampleYaml(name: ExampleName): string {
  return readFileSync(new URL(`../../../config/examples/generic-${name}.yaml`, import.meta.url), 'utf8')
}

/** An example with its variables filled in; those that are no keys get words that are none. */
export function exampleText(name: ExampleName): string {
  const known: Readonly<Record<string, string>> = accounts[name].environment
  return exampleYaml(name).replace(/\$\{(\w+)\}/g, (_whole, variable: string) => known[variable] ?? 'unused')
}
