/* A disk that takes its time, for the unit tests of what waits for it: stands before fdatasync() of the files that
 * warden writes itself. Who uses it links held_disk.c with -Wl,--wrap=fdatasync. Any thread. */
#ifndef TESTS_SUPPORT_HELD_DISK_H
#define TESTS_SUPPORT_HELD_DISK_H

/* Until the release every fdatasync() waits; those that wait go on then. */
void disk_hold(void);
void disk_release(void);
/* From now on they fail with this errno, when they are let go; 0: they do not. */
void disk_fail(int code);
/* Each takes up to so long. */
void disk_delay(unsigned most_us);

unsigned disk_syncs_begun(void);
unsigned disk_syncs_ended(void);
/* Waits until so many have begun, or 20 s. */
void disk_await_begun(unsigned count);

#endif
