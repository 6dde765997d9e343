/* Exit codes of every command. */
#ifndef WORKER_EXIT_CODES_H
#define WORKER_EXIT_CODES_H

enum exit_code {
    EXIT_FINE = 0,
    EXIT_FINDINGS = 1, /* findings or failures */
    EXIT_USAGE = 2,
    EXIT_NOTHING = 4,      /* nothing to do */
    EXIT_UNREACHABLE = 69, /* a service cannot be reached */
    EXIT_CONFIG = 78,      /* bad configuration */
};

#endif
