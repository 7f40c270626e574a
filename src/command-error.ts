/** Failures of a command. They are in the language of the process already. */

/** The command failed; the message is for the user. */
export class CommandError extends Error {}

/** The arguments of the command line are invalid. */
export class UsageError extends CommandError {}
