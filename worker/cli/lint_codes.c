/* The table of checks. Neighbours: rules_list.c (--disable), machine_report.c (SARIF's rules). */
#include <string.h>

#include "worker/cli/lint_codes.h"

static const struct {
    const char *code, *text;
} CODES[] = {
    {"missing-examples", "A stable rule lacks an example that must match, or one that must not."},
    {"no-examples", "A rule that is not called experimental has no examples."},
    {"duplicate-condition", "Two rules match the same events."},
    {"shadowed-rule", "Another rule matches all that this one does, and does as much."},
    {"matches-empty", "An expression matches the empty text, and so any text."},
    {"grows", "The work of an expression grows faster than the text."},
    {"boundary-trap", "\\b stands beside a character that is no part of a word."},
    {"case-trap", "Case is to count in a view that has small letters only."},
    {"word-trap", "A whole word is wanted in a script that puts no spaces between words."},
    {"unused-list", "No rule uses a list."},
    {"unused-macro", "No rule uses a macro."},
    {"empty-list", "The file of a list has no entries."},
    {"empty-folder", "A folder has no rule file."},
    {"unknown-score", "A rule gives points to a score that no section 'behaviour' defines."},
    {"unused-score", "No rule gives points to a score."},
    {"unused-ladder", "No rule gives strikes on a ladder."},
};
enum { CODE_COUNT = sizeof(CODES) / sizeof(*CODES) };

const char *lint_code_text(const char *code)
{
    for (size_t i = 0; i < CODE_COUNT; i++)
        if (strcmp(CODES[i].code, code) == 0)
            return CODES[i].text;
    return NULL;
}

const char *lint_code_at(size_t index)
{
    return index < CODE_COUNT ? CODES[index].code : NULL;
}
