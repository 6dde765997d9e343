/* View 'links': a text a link, `host/path?query` without scheme, user and port. A link is an address with a scheme, one
 * that starts with www., or a bare host with a well-known top-level domain. Where a link shows a text that names
 * another host (Markdown, HTML, Slack), one more text says `displayed -> host/path?query`. Reads the stripped text. */
#include <string.h>

#include "filters/views/internal.h"

enum { SCHEME_MAX = 12, DISPLAYED_MAX = 256, HOST_MAX = 253 };

/* Half-open ranges of the text that is read. */
struct range {
    size_t start, end;
};

struct link {
    struct range host, rest; /* rest: path and query, without a trailing stop */
    size_t start;            /* with the scheme */
};

static bool is_one_of(char c, const char *set)
{
    return c && strchr(set, c);
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The code points of a host: letters, digits, marks, hyphens and underscores. */
static size_t label_character(const struct wd_piece *in, size_t at)
{
    unsigned char c = (unsigned char)in->data[at];
    if (c < 0x80)
        return wd_is_ascii_letter(c) || wd_is_ascii_digit(c) || c == '-' || c == '_';
    size_t end = at;
    uint32_t properties = wd_char_properties(wd_utf8_next(in->data, in->len, &end));
    return properties & (WD_CHAR_LETTER | WD_CHAR_DIGIT | WD_CHAR_MARK) ? end - at : 0;
}

/* Labels with single dots between them from `at` on; a dot at the end is no part of it. */
static struct range host_at(const struct wd_piece *in, size_t at)
{
    struct range host = {at, at};
    while (at < in->len && at - host.start <= HOST_MAX) {
        size_t step = label_character(in, at);
        if (step == 0 && !(in->data[at] == '.' && at == host.end && at > host.start))
            break;
        at += step ? step : 1;
        if (step)
            host.end = at;
    }
    return host;
}

static bool ends_address(char c)
{
    return is_space(c) || is_one_of(c, "<>\"|`");
}

/* Path, query and fragment from `at` on. Brackets end it only where it did not open them. */
static struct range rest_at(const struct wd_piece *in, size_t at)
{
    struct range rest = {at, at};
    int round = 0, square = 0;
    if (at >= in->len || !is_one_of(in->data[at], "/?#"))
        return rest;
    for (; rest.end < in->len && !ends_address(in->data[rest.end]); rest.end++) {
        char c = in->data[rest.end];
        round += (c == '(') - (c == ')');
        square += (c == '[') - (c == ']');
        if (round < 0 || square < 0)
            break;
    }
    while (rest.end > rest.start && is_one_of(in->data[rest.end - 1], ".,;:!?'"))
        rest.end--;
    return rest;
}

static size_t skip_port(const struct wd_piece *in, size_t at)
{
    if (at + 1 >= in->len || in->data[at] != ':' || !wd_is_ascii_digit((unsigned char)in->data[at + 1]))
        return at;
    do {
        at++;
    } while (at < in->len && wd_is_ascii_digit((unsigned char)in->data[at]));
    return at;
}

/* Behind `user:password@`, which people take for the host: the last @ before the path counts. */
static size_t skip_user(const struct wd_piece *in, size_t at)
{
    size_t host = at;
    for (size_t end = at; end < in->len && end - at < HOST_MAX; end++) {
        char c = in->data[end];
        if (c == '@')
            host = end + 1;
        else if (ends_address(c) || is_one_of(c, "/?#()[]"))
            break;
    }
    return host;
}

/* The link whose host starts at `at`; false: there is none. */
static bool link_at(const struct wd_piece *in, size_t start, size_t at, struct link *out)
{
    out->start = start;
    out->host = host_at(in, at);
    out->rest = rest_at(in, skip_port(in, out->host.end));
    return out->host.end > out->host.start;
}

static bool starts_word(const struct wd_piece *in, size_t at)
{
    if (at == 0)
        return true;
    size_t before = at;
    uint32_t c = wd_utf8_previous(in->data, &before);
    if (c < 0x80)
        return !wd_is_ascii_letter(c) && !wd_is_ascii_digit(c) && !is_one_of((char)c, "@.-_/");
    return !(wd_char_properties(c) & (WD_CHAR_LETTER | WD_CHAR_DIGIT | WD_CHAR_MARK)) ||
           (wd_char_properties(c) & WD_CHAR_UNSPACED);
}

/* The start of the scheme before `://` at `at`; `at` itself: there is none. */
static size_t scheme_start(const struct wd_piece *in, size_t at)
{
    size_t start = at;
    while (start > 0 && at - start < SCHEME_MAX &&
           (wd_is_ascii_letter((unsigned char)in->data[start - 1]) ||
            wd_is_ascii_digit((unsigned char)in->data[start - 1]) || is_one_of(in->data[start - 1], "+-.")))
        start--;
    while (start < at && !wd_is_ascii_letter((unsigned char)in->data[start]))
        start++;
    return start;
}

enum { COMMON_DOMAIN_MAX = 14 };
static const char common_domains[][COMMON_DOMAIN_MAX] = {
    "ai",    "app",   "art",  "bet", "biz", "blog", "br",     "ca",   "cam",   "cash",   "casino",  "cc",   "cf",
    "chat",  "cloud", "club", "cn",  "co",  "com",  "date",   "de",   "dev",   "edu",    "eu",      "fr",   "fun",
    "ga",    "games", "gg",   "gl",  "goo", "gov",  "gq",     "icu",  "info",  "io",     "jp",      "life", "link",
    "live",  "lol",   "ly",   "me",  "ml",  "mobi", "mov",    "net",  "news",  "nl",     "online",  "org",  "page",
    "pl",    "porn",  "pro",  "ru",  "sex", "sh",   "shop",   "site", "space", "store",  "stream",  "su",   "tech",
    "tel",   "tk",    "to",   "top", "tv",  "ua",   "uk",     "us",   "vip",   "webcam", "website", "win",  "work",
    "world", "wtf",   "xxx",  "xyz", "zip", "бел",  "онлайн", "рус",  "рф",    "сайт",   "укр",     "中国",
};

/* Is it a name with a dot that ends in a well-known top-level domain? */
static bool is_bare_host(const struct wd_piece *in, struct range host)
{
    const char *data = in->data + host.start;
    size_t len = host.end - host.start;
    const char *dot = memrchr(data, '.', len);
    if (!dot || dot == data)
        return false;
    size_t domain_len = len - (size_t)(dot + 1 - data);
    for (size_t i = 0; i < sizeof common_domains / sizeof common_domains[0] && domain_len < COMMON_DOMAIN_MAX; i++)
        if (common_domains[i][domain_len] == '\0' && memcmp(common_domains[i], dot + 1, domain_len) == 0)
            return true;
    return false;
}

static bool has_www(const struct wd_piece *in, struct range host)
{
    return host.end - host.start > 4 && memcmp(in->data + host.start, "www.", 4) == 0;
}

/* The start, not before `lowest`, of the host whose dot is at `at`. */
static size_t host_start(const struct wd_piece *in, size_t at, size_t lowest)
{
    while (at > lowest) {
        size_t before = at;
        wd_utf8_previous(in->data, &before);
        if (before < lowest || (in->data[before] != '.' && label_character(in, before) == 0))
            break;
        at = before;
    }
    while (in->data[at] == '.')
        at++;
    return at;
}

/* A link without a scheme whose host has its first dot at `dot`; *end_out is where that host ends in any case. */
static bool bare_link_at(const struct wd_piece *in, size_t dot, size_t lowest, struct link *out, size_t *end_out)
{
    size_t start = host_start(in, dot, lowest);
    struct range host = host_at(in, start);
    *end_out = host.end > dot ? host.end : dot + 1;
    if (start >= dot || host.end <= dot || !starts_word(in, start))
        return false;
    char behind = host.end < in->len ? in->data[host.end] : ' ';
    if (behind == '@' || (behind == ':' && skip_port(in, host.end) == host.end))
        return false;
    return (is_bare_host(in, host) || has_www(in, host)) && link_at(in, start, start, out);
}

/* The first link at or behind `at` and before `end`; *next_out is where to look for the next one: behind the host, so
 * that an address within a query is found as well. None is found once `watch` is late. */
static bool find_link(const struct wd_piece *in, size_t at, size_t end, struct wd_view_watch *watch, struct link *out,
                      size_t *next_out)
{
    size_t lowest = at;
    while (at < end) {
        char c = in->data[at];
        if ((c == '.' || c == ':' || at % 64 == 0) && wd_view_watch_step(watch))
            return false;
        if (c == ':' && at + 3 <= end && memcmp(in->data + at, "://", 3) == 0) {
            size_t start = scheme_start(in, at);
            if (start < at && link_at(in, start, skip_user(in, at + 3), out)) {
                *next_out = out->host.end;
                return true;
            }
        } else if (c == '.') {
            size_t host_end;
            if (bare_link_at(in, at, lowest, out, &host_end)) {
                *next_out = host_end;
                return true;
            }
            lowest = at = host_end;
            continue;
        }
        at++;
    }
    return false;
}

static struct range without_www(const struct wd_piece *in, struct range host)
{
    if (has_www(in, host))
        host.start += 4;
    return host;
}

/* Does `host` end in `domain`, at a dot? */
static bool is_within(const struct wd_piece *in, struct range host, struct range domain)
{
    size_t host_len = host.end - host.start, len = domain.end - domain.start;
    if (host_len < len || memcmp(in->data + host.end - len, in->data + domain.start, len) != 0)
        return false;
    return host_len == len || in->data[host.end - len - 1] == '.';
}

static size_t find_back(const struct wd_piece *in, size_t at, char c)
{
    for (size_t i = 0; i < DISPLAYED_MAX && at > 0; i++)
        if (in->data[--at] == c)
            return at;
    return SIZE_MAX;
}

static size_t find_ahead(const struct wd_piece *in, size_t at, char c)
{
    for (size_t i = 0; i < DISPLAYED_MAX && at < in->len; i++, at++)
        if (in->data[at] == c)
            return at;
    return SIZE_MAX;
}

/* The text that the link shows instead of its target. */
static bool find_displayed(const struct wd_piece *in, const struct link *link, struct range *out)
{
    size_t before = link->start, behind = link->rest.end > link->host.end ? link->rest.end : link->host.end;
    if (before >= 2 && memcmp(in->data + before - 2, "](", 2) == 0) {
        size_t open = find_back(in, before - 2, '[');
        *out = (struct range){open + 1, before - 2};
        return open != SIZE_MAX;
    }
    size_t start = SIZE_MAX, end = SIZE_MAX;
    if (before >= 1 && in->data[before - 1] == '<') {
        if (behind < in->len && in->data[behind] == '|') {
            start = behind;
            end = find_ahead(in, start + 1, '>');
        }
    } else if (before >= 6 && memmem(in->data + before - 6, 6, "href=", 5)) {
        start = find_ahead(in, behind, '>');
        end = start == SIZE_MAX ? SIZE_MAX : find_ahead(in, start + 1, '<');
    }
    *out = (struct range){start + 1, end};
    return start != SIZE_MAX && end != SIZE_MAX;
}

/* The host that the displayed text names, if it is another one than the link's. */
static bool names_other_host(const struct wd_piece *in, const struct link *link, struct wd_view_watch *watch,
                             struct range *shown_out)
{
    struct range displayed;
    struct link shown;
    size_t next;
    if (!find_displayed(in, link, &displayed) || !find_link(in, displayed.start, displayed.end, watch, &shown, &next))
        return false;
    struct range a = without_www(in, shown.host), b = without_www(in, link->host);
    *shown_out = shown.host;
    return !is_within(in, a, b) && !is_within(in, b, a);
}

/* Links within the displayed text and the markup of another one are found by themselves. */
static void put_target(const struct wd_piece *in, const struct link *link, struct wd_stage *out)
{
    wd_stage_keep(out, in, link->host.start, link->host.end);
    wd_stage_keep(out, in, link->rest.start, link->rest.end);
}

static void put_text(const struct wd_piece *in, const struct link *link, const struct range *shown,
                     struct wd_links *links)
{
    struct wd_stage *stage = &links->stage;
    size_t start = stage->len;
    if (links->count == WD_LINKS_MAX)
        return;
    if (shown) {
        wd_stage_keep(stage, in, shown->start, shown->end);
        wd_stage_put(stage, in, link->start, link->host.end, " -> ", 4);
    }
    put_target(in, link, stage);
    links->starts[links->count] = start;
    links->ends[links->count++] = stage->len;
}

void wd_view_links(struct wd_piece in, struct wd_links *links)
{
    struct link link;
    wd_stage_clear_mapped(&links->stage);
    links->count = 0;
    if (!memchr(in.data, '.', in.len) && !memmem(in.data, in.len, "://", 3))
        return;
    for (size_t at = 0; links->count < WD_LINKS_MAX && find_link(&in, at, in.len, links->stage.watch, &link, &at);) {
        struct range shown;
        put_text(&in, &link, NULL, links);
        if (names_other_host(&in, &link, links->stage.watch, &shown))
            put_text(&in, &link, &shown, links);
    }
}

struct wd_piece wd_links_piece(const struct wd_links *links, size_t index)
{
    size_t start = links->starts[index];
    return (struct wd_piece){.data = links->stage.text + start,
                             .len = links->ends[index] - start,
                             .map = links->stage.map + start,
                             .map_end = links->stage.map_end + start};
}
