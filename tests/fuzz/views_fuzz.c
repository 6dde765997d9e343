/* Any bytes through all views: no crash, valid UTF-8, maps within the text. Bytes that are not UTF-8 go in as well (the
 * contract asks for valid text, but a mistake elsewhere must not become a read out of bounds); the promises about
 * results are checked for valid text only. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filters/views/views.h"
#include "tests/support/utf8.h"

static void require_at(bool holds, int line)
{
    if (holds)
        return;
    fprintf(stderr, "views_fuzz.c:%d: a promise is broken\n", line);
    abort();
}
#define require(holds) require_at(holds, __LINE__)

static void check_view(const struct wd_view *view, struct wd_str text)
{
    require(utf8_is_valid(view->text.data, view->text.len));
    require((view->kinds >> view->kind & 1) && view->kinds >> WD_VIEW_COUNT == 0);
    for (uint32_t i = 0; i < view->text.len; i++) {
        uint32_t start, end;
        wd_view_to_original(view, i, i + 1, &start, &end);
        require(start < end && end <= text.len);
        wd_span_to_clusters(text, &start, &end);
        require(start < end && end <= text.len);
        if (i > 256) /* widening each byte of a long text would be all that the fuzzer does */
            break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wd_view_scratch *scratch;
    if (!scratch && !(scratch = wd_view_scratch_new()))
        return 0;
    char *copy = malloc(size + 1);
    if (!copy)
        return 0;
    if (size)
        memcpy(copy, data, size);
    struct wd_str text = {copy, size};
    struct wd_view views[WD_VIEWS_MAX];
    size_t count;
    uint32_t all = (1u << WD_VIEW_COUNT) - 1;
    enum wd_status status = wd_views_make(scratch, text, all, views, &count);
    require(status == WD_OK || status == WD_ERR_TOO_LARGE);
    bool valid = utf8_is_valid(copy, size) && !memchr(copy, 0, size);
    for (size_t i = 0; valid && i < count; i++)
        check_view(&views[i], text);
    free(copy);
    return 0;
}
