#include "watch.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

/* Written by the thread that runs the step, read by a handler: complete before `is_running` is. */
static char running[256];
static volatile sig_atomic_t is_running;
static unsigned limit_s;

static const int caught[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM};
#define N_CAUGHT (sizeof(caught) / sizeof(caught[0]))
static struct sigaction former[N_CAUGHT];

static void say(const char *text)
{
    ssize_t n = write(STDERR_FILENO, text, strlen(text));
    (void)n; /* there is nobody left to tell */
}

/* Only what is allowed in a handler. A crash between two nodes goes its usual way. */
static void on_signal(int number)
{
    if (!is_running) {
        signal(number, SIG_DFL);
        raise(number);
        return;
    }
    say(number == SIGALRM ? "\ntenon: the device hung in " : "\ntenon: the driver crashed in ");
    say(running);
    say("\n");
    _exit(CLI_FAILED);
}

void cli_watch_begin(double seconds)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    limit_s = seconds < 1 ? 1 : seconds > 86400 ? 86400 : (unsigned)(seconds + 0.999);
    for (size_t i = 0; i < N_CAUGHT; i++)
        sigaction(caught[i], &action, &former[i]);
}

void cli_watch_node(void *ctx, const char *label, const char *op, const char *device)
{
    (void)ctx;
    is_running = 0;
    if (!label) {
        alarm(0);
        return;
    }
    snprintf(running, sizeof(running), "node '%.120s' (%.60s) on %.60s", label, op, device);
    is_running = 1;
    alarm(limit_s);
}

void cli_watch_end(void)
{
    alarm(0);
    is_running = 0;
    for (size_t i = 0; i < N_CAUGHT; i++)
        sigaction(caught[i], &former[i], NULL);
}
