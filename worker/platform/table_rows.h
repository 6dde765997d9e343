/* What an action table is made of: shared by the file that loads it and the file that uses it. */
#ifndef WORKER_PLATFORM_TABLE_ROWS_H
#define WORKER_PLATFORM_TABLE_ROWS_H

#include "worker/platform/answer.h"
#include "worker/platform/table.h"
#include "worker/platform/template.h"

struct table_row {
    enum http_method method;
    struct template path; /* empty for notify */
    struct template body; /* empty where the call has none */
    struct answer_list answers;
    struct action_batch batch; /* field NULL: none */
    uint32_t group;
    int line;
};

enum { TABLE_GROUPS_MAX = 64 };

struct action_table {
    struct wd_arena *arena; /* holds everything below */
    struct table_row *rows;
    uint32_t row_count;
    const char *groups[TABLE_GROUPS_MAX];
    uint32_t group_count;
    struct answer_list answers;
    const char *check_path;
    uint16_t places[WD_ACTION_KIND_COUNT][WD_CONTENT_TYPE_COUNT][WD_SCOPE_COUNT]; /* row + 1; 0: none */
};

#endif
