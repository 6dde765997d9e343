/* What conditions on behaviour were answered from, in words. Neighbours: explain.c, remember.c. */
#include <stdarg.h>
#include <stdio.h>

#include "filters/remember.h"

struct words {
    char text[256];
    size_t used;
};

static void put(struct words *words, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(struct words *words, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    size_t room = sizeof(words->text) - words->used;
    int wrote = room > 1 ? vsnprintf(words->text + words->used, room, format, args) : 0;
    va_end(args);
    words->used += wrote > 0 ? (size_t)wrote : 0;
    words->used = words->used < sizeof(words->text) ? words->used : sizeof(words->text) - 1;
}

static const char *level_name(const struct remembering *remembering)
{
    const struct behaviour *behaviour = remembering->behaviour;
    return remembering->level < behaviour->level_count ? behaviour->levels[remembering->level].name : "new";
}

static double put_signal(struct words *words, const struct remembering *remembering, const struct signal_params *params)
{
    const struct signal *signal = &remembering->behaviour->signals[params->signal];
    const struct signal_answer *answer = &remembering->scanner->memory->answers[params->signal];
    double limit = params->limits[remembering->level];
    bool is_fed = answer->generation == remembering->scanner->memory->generation;
    double amount = is_fed ? answer->amount : 0;
    if (!is_fed)
        put(words, signal->kind == SIGNAL_WINDOW ? "the event does not count for it"
                                                 : "the event is not compared: another event, or too short a text");
    else if (signal->kind == SIGNAL_WINDOW)
        put(words, "the window holds %.6g, and the limit is %.6g", amount, limit);
    else if (signal->kind == SIGNAL_SIMILAR)
        put(words, "%.0f of the author's contents are like this, and the limit is %.0f", amount, limit);
    else
        put(words, "%.0f authors have written this, and %.0f are needed", amount, limit + 1);
    if (is_fed && signal->is_by_level)
        put(words, " for trust '%s'", level_name(remembering));
    return amount;
}

static double put_scores(struct words *words, struct remembering *remembering, struct wd_session *author,
                         const struct score_params *params)
{
    double first = 0;
    for (size_t i = 0; i < params->count; i++) {
        uint32_t index = params->bounds[i].score;
        double score = wd_score_read(author, &remembering->behaviour->score_cells[index]);
        put(words, "%s%s is %.4g", i ? ", " : "", remembering->behaviour->scores[index].name, score);
        first = i ? first : score;
    }
    return first;
}

static double put_strikes(struct words *words, struct remembering *remembering, struct wd_session *author,
                          const struct strikes_params *params)
{
    uint32_t strikes =
        wd_strikes_read(author, &remembering->behaviour->ladder_cells[params->ladder], params->within_ms);
    put(words, "%u on ladder '%s'", strikes, remembering->behaviour->ladders[params->ladder].name);
    return strikes;
}

static double put_words(struct words *words, struct remembering *remembering, const struct leaf *leaf)
{
    struct wd_session *author = wd_author_session(remembering);
    enum behaviour_leaf kind = wd_behaviour_leaf_of(leaf);
    if (kind == LEAF_SIGNAL)
        return put_signal(words, remembering, leaf->params);
    if (!author) {
        put(words, "the event has no author");
        return 0;
    }
    switch (kind) {
    case LEAF_SCORE:
        return put_scores(words, remembering, author, leaf->params);
    case LEAF_STRIKES:
        return put_strikes(words, remembering, author, leaf->params);
    case LEAF_TRUST:
        put(words, "the author is '%s'", level_name(remembering));
        return 0;
    default:
        put(words, "the author has made %u contents before", remembering->profile.contents);
        return remembering->profile.contents;
    }
}

struct wd_str wd_behaviour_text(struct remembering *remembering, const struct leaf *leaf, double *amount_out)
{
    struct words words = {.used = 0};
    *amount_out = put_words(&words, remembering, leaf);
    struct wd_str copy = wd_arena_copy(remembering->arena, (struct wd_str){.data = words.text, .len = words.used});
    remembering->out_of_memory |= !copy.data;
    return copy;
}
