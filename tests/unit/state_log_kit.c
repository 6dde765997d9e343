/* See state_log_kit.h. */
#include "tests/unit/state_log_kit.h"

#include <dirent.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

char log_folder[128];

struct state_options log_options(uint64_t max_bytes, uint64_t cache_bytes)
{
    return (struct state_options){
        .kind = STATE_LMDB, .path = log_folder, .max_bytes = max_bytes, .cache_bytes = cache_bytes, .grace_ms = 1000};
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

int log_make_folder(void **state)
{
    (void)state;
    strcpy(log_folder, "/tmp/warden-log-XXXXXX");
    return mkdtemp(log_folder) ? 0 : 1;
}

int log_remove_folder(void **state)
{
    (void)state;
    return nftw(log_folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

uint64_t log_random(uint64_t *random)
{
    uint64_t z = *random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

uint32_t log_value(unsigned key, uint32_t change, unsigned char *out)
{
    uint64_t random = (uint64_t)key << 32 | change;
    uint32_t len = 8 + (uint32_t)(log_random(&random) % (SIZE_MOST - 8));
    memcpy(out, &key, 4);
    memcpy(out + 4, &change, 4);
    for (uint32_t i = 8; i < len; i++)
        out[i] = (unsigned char)(key * 31 + change * 7 + i);
    return change % REMOVED_EVERY == 0 ? 0 : len;
}

uint32_t log_change_of(unsigned key, const unsigned char *bytes, uint32_t len)
{
    unsigned char expected[SIZE_MOST];
    uint32_t change;
    if (len < 8)
        return 0;
    memcpy(&change, bytes + 4, 4);
    return log_value(key, change, expected) == len && memcmp(bytes, expected, len) == 0 ? change : 0;
}

uint64_t log_folder_bytes(void)
{
    uint64_t bytes = 0;
    DIR *open = opendir(log_folder);
    assert_non_null(open);
    for (struct dirent *entry; (entry = readdir(open));) {
        char name[512];
        struct stat status;
        snprintf(name, sizeof(name), "%s/%s", log_folder, entry->d_name);
        if (stat(name, &status) == 0 && S_ISREG(status.st_mode))
            bytes += (uint64_t)status.st_size;
    }
    closedir(open);
    return bytes;
}

bool log_has_file(const char *file)
{
    char name[256];
    snprintf(name, sizeof(name), "%s/%s", log_folder, file);
    return access(name, F_OK) == 0;
}

void log_put(struct state_store *store, unsigned key, uint32_t change)
{
    unsigned char bytes[SIZE_MOST];
    char name[24];
    struct wd_value found = {0};
    struct wd_error err = {0};
    snprintf(name, sizeof(name), "k:%u", key);
    struct state_item item = {.key = wd_str_from(name), .value = &found};
    assert_int_equal(state_get_now(store, &item, 1, &err), WD_OK);
    struct wd_value value = {.bytes = bytes, .len = log_value(key, change, bytes), .forget_at_ms = FAR};
    item.value = &value;
    assert_int_equal(state_put_now(store, &item, 1, 1, &err), WD_OK);
    assert_false(item.conflict);
    free(found.bytes);
}

bool log_count_one(void *context, struct wd_str key, const unsigned char *bytes, size_t len, int64_t forget_at_ms)
{
    struct log_counted *counted = context;
    unsigned number = (unsigned)strtoul(key.data + 2, NULL, 10); /* behind the key comes the value: no digit */
    memcpy(&number, bytes, len < 4 ? 0 : 4);
    counted->values++;
    counted->fine &= forget_at_ms == FAR && log_change_of(number, bytes, (uint32_t)len) > 0;
    return true;
}

struct log_counted log_count_all(struct state_store *store)
{
    struct log_counted counted = {.fine = true};
    struct wd_error err = {0};
    assert_int_equal(state_each(store, log_count_one, &counted, &err), WD_OK);
    return counted;
}
