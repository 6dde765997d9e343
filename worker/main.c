/* The program `warden`: everything it can do is a command in worker/cli/. */
#include <signal.h>
#include <stddef.h>

#include "worker/cli/cli.h"

int main(int argc, char **argv)
{
    /* A closed pipe or connection is an error of one write, not the end of the program. */
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    sigaction(SIGPIPE, &ignore, NULL);
    return cli_main(argc, argv);
}
