/* Typed readings of a document's nodes. Neighbour: document.c, which makes the nodes. Nothing here reports: a caller
 * knows better what it wanted. */
#include <ctype.h>
#include <errno.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include <warden/document.h>

const struct wd_node *wd_node_get(const struct wd_node *map, const char *key)
{
    if (!map || map->kind != WD_NODE_MAP)
        return NULL;
    for (const struct wd_node *value = map->first; value; value = value->next)
        if (strcmp(value->key->text, key) == 0)
            return value;
    return NULL;
}

static bool is_plain(const struct wd_node *node)
{
    return node && node->kind == WD_NODE_SCALAR && !node->quoted;
}

bool wd_node_is_null(const struct wd_node *node)
{
    return is_plain(node) && (!node->text_len || !strcmp(node->text, "~") || !strcmp(node->text, "null"));
}

bool wd_node_bool(const struct wd_node *node, bool *out)
{
    if (!is_plain(node) || (strcmp(node->text, "true") != 0 && strcmp(node->text, "false") != 0))
        return false;
    *out = node->text[0] == 't';
    return true;
}

/* Digits with '_' between them; *rest is what follows. False where there is no digit, or too many. */
static bool read_digits(const char *at, int64_t *out, const char **rest)
{
    int64_t value = 0;
    if (!isdigit((unsigned char)*at))
        return false;
    for (; isdigit((unsigned char)*at) || (*at == '_' && isdigit((unsigned char)at[1])); at++) {
        if (*at == '_')
            continue;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_add_overflow(value, *at - '0', &value))
            return false;
    }
    *out = value;
    *rest = at;
    return true;
}

bool wd_node_int(const struct wd_node *node, int64_t *out)
{
    if (!is_plain(node))
        return false;
    const char *at = node->text, *rest;
    bool negative = *at == '-';
    int64_t value;
    if (!read_digits(at + (negative || *at == '+'), &value, &rest) || *rest)
        return false;
    *out = negative ? -value : value;
    return true;
}

/* strtod would also read hexadecimal, infinity, and the decimal comma of whatever locale is set. */
bool wd_node_double(const struct wd_node *node, double *out)
{
    if (!is_plain(node) || !node->text_len || strspn(node->text, "0123456789.eE+-") != node->text_len)
        return false;
    locale_t plain = newlocale(LC_NUMERIC_MASK, "C", (locale_t)0);
    if (plain == (locale_t)0)
        return false;
    char *end;
    errno = 0;
    double value = strtod_l(node->text, &end, plain);
    freelocale(plain);
    if (*end || errno == ERANGE)
        return false;
    *out = value;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
};

static bool read_with_unit(const struct wd_node *node, const struct unit *units, int64_t *out)
{
    const char *rest;
    int64_t value;
    if (!is_plain(node) || !read_digits(node->text, &value, &rest))
        return false;
    for (; units->name; units++) {
        if (strcmp(rest, units->name) == 0)
            return !__builtin_mul_overflow(value, units->factor, out);
    }
    if (*rest || value != 0)
        return false;
    *out = 0;
    return true;
}

bool wd_node_duration(const struct wd_node *node, int64_t *ms_out)
{
    static const struct unit UNITS[] = {{"ms", 1},      {"s", 1000},     {"m", 60000},
                                        {"h", 3600000}, {"d", 86400000}, {NULL, 0}};
    return read_with_unit(node, UNITS, ms_out);
}

bool wd_node_size(const struct wd_node *node, int64_t *bytes_out)
{
    static const struct unit UNITS[] = {{"", 1}, {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {NULL, 0}};
    return read_with_unit(node, UNITS, bytes_out);
}
