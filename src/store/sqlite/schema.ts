/** The tables. Instants are milliseconds since the boot that `reading` names; Infinity is a valid instant. */

/** Files of another program, or of a later Turnpike, must not be changed. */
export const APPLICATION_ID = 0x54_70_6b_65
export const SCHEMA_VERSION = 1

/**
 * Tables that came after the first stores of this version: they are made where they are missing, and a program that does not
 * know them loses nothing.
 */
export const LATER_TABLES = `
  -- Lines that were sold and have no address yet.
  CREATE TABLE IF NOT EXISTS pending (
    account TEXT NOT NULL, id TEXT NOT NULL, provider TEXT NOT NULL, ends REAL NOT NULL, PRIMARY KEY (account, id)
  ) STRICT, WITHOUT ROWID;

  -- What users with limits have used, by age at this instant.
  CREATE TABLE IF NOT EXISTS users (
    name TEXT PRIMARY KEY, at REAL NOT NULL,
    usage TEXT NOT NULL CHECK (json_type(usage, '$.octets') IS 'array' AND json_type(usage, '$.addresses') IS 'array')
  ) STRICT, WITHOUT ROWID;
`

/**
 * STRICT and the checks protect against damaged files: `PRAGMA quick_check` verifies them row by row, so that a damaged value
 * is found at start and not in the pool.
 */
export const SCHEMA = `
  -- The clocks at the last change.
  CREATE TABLE reading (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    boot_id TEXT NOT NULL, boot_ms REAL NOT NULL, wall_ms REAL NOT NULL
  ) STRICT;

  -- The ledger: what vendors hold for us. gone: why it left the pool. doubtful: its remaining life is not proven.
  CREATE TABLE upstreams (
    id TEXT PRIMARY KEY, provider TEXT NOT NULL,
    facts TEXT NOT NULL CHECK (
      json_type(facts, '$.host') IS 'text' AND json_type(facts, '$.port') IS 'integer'
      AND facts ->> '$.protocol' IN ('http', 'https', 'socks5')),
    password TEXT,
    bought REAL NOT NULL, deadline REAL NOT NULL, vendor_deadline REAL NOT NULL,
    opened INTEGER NOT NULL DEFAULT 0, gone TEXT, doubtful INTEGER NOT NULL DEFAULT 0
  ) STRICT;

  -- Limiter history and purchases in one: a call counts in its limiter from began until ended + counts_for, and what was
  -- ordered (after the end: sold) counts in budgets from began on.
  CREATE TABLE calls (
    id INTEGER PRIMARY KEY, limiter TEXT NOT NULL, counts_for REAL NOT NULL, provider TEXT NOT NULL,
    began REAL NOT NULL, ended REAL, answered INTEGER NOT NULL DEFAULT 0, count INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE totals (provider TEXT PRIMARY KEY, total INTEGER NOT NULL) STRICT;

  CREATE TABLE sessions (key TEXT PRIMARY KEY, upstream TEXT NOT NULL, used REAL NOT NULL) STRICT, WITHOUT ROWID;

  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`
