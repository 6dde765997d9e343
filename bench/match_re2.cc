// RE2::Set. Rules that it cannot take go in widened and PCRE2 confirms them, or does all. Not exact: \b, \w, \d and \s
// are those of ASCII.
#include "bench/match.h"

#include <re2/re2.h>
#include <re2/set.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

namespace
{

struct Re2Engine {
    std::unique_ptr<RE2::Set> set;
    std::vector<uint32_t> rules; // by index in the set
    std::vector<bool> confirmed; // by rule: PCRE2 has the last word
    std::vector<uint32_t> always;
    std::vector<int> found;
    struct match_single *single = nullptr;
};

void re2_free(void *state)
{
    auto *engine = static_cast<Re2Engine *>(state);
    match_single_free(engine->single);
    delete engine;
}

bool add(RE2::Set &set, const match_rule &rule, const std::string &pattern)
{
    std::string error;
    return set.Add((rule.caseless ? "(?i:" : "(?:") + pattern + ")", &error) >= 0;
}

// RE2 has no options a pattern in a set, so case goes into the pattern.
void *re2_build(const struct match_rule *rules, size_t count)
{
    auto *engine = new Re2Engine;
    RE2::Options options;
    options.set_log_errors(false);
    options.set_max_mem(int64_t{1} << 30);
    engine->set = std::make_unique<RE2::Set>(options, RE2::UNANCHORED);
    engine->single = match_single_new(rules, count, true);
    engine->confirmed.assign(count, false);
    for (size_t i = 0; i < count; i++) {
        std::string pattern(rules[i].pattern.data, rules[i].pattern.len);
        bool taken = add(*engine->set, rules[i], pattern);
        if (!taken) {
            char *widened = match_widened(rules[i].pattern, MATCH_WIDEN_LOOKS);
            taken = add(*engine->set, rules[i], widened);
            std::free(widened);
            engine->confirmed[i] = true;
        }
        (taken ? engine->rules : engine->always).push_back(static_cast<uint32_t>(i));
    }
    if (!engine->set->Compile()) {
        re2_free(engine);
        return nullptr;
    }
    return engine;
}

size_t re2_scan(void *state, struct wd_str text, match_found *found, void *context)
{
    auto *engine = static_cast<Re2Engine *>(state);
    size_t matches = 0;
    engine->found.clear();
    engine->set->Match(re2::StringPiece(text.data, text.len), &engine->found);
    for (int index : engine->found) {
        uint32_t rule = engine->rules[static_cast<size_t>(index)];
        if (engine->confirmed[rule] && !match_single_try(engine->single, rule, text))
            continue;
        matches++;
        if (found)
            found(context, rule);
    }
    for (uint32_t rule : engine->always) {
        if (!match_single_try(engine->single, rule, text))
            continue;
        matches++;
        if (found)
            found(context, rule);
    }
    return matches;
}

} // namespace

extern "C" const struct match_engine match_re2 = {"re2", "PCRE2 for what it refuses; not exact: ASCII classes",
                                                  re2_build, re2_scan, re2_free};
