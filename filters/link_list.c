/* The links of an event, as the links view writes them: host/path?query. For signals that count links, and for windows
 * a host. Neighbours: recall.c. */
#include <string.h>

#include "filters/matchers/features.h"
#include "filters/recall.h"
#include "filters/views/views.h"

enum { TEXT_MAX = 16 * 1024, HOST_MAX = 253 };

static struct wd_str host_of(struct wd_str link)
{
    size_t len = 0;
    while (len < link.len && link.data[len] != '/' && link.data[len] != '?' && link.data[len] != '#')
        len++;
    struct wd_str host = {.data = link.data, .len = len};
    if (wd_str_starts_with(host, "www.") && host.len > 4) {
        host.data += 4;
        host.len -= 4;
    }
    return host;
}

static bool add_host(struct wd_arena *arena, struct link_list *out, struct wd_str host)
{
    for (size_t i = 0; i < out->host_count; i++)
        if (wd_str_equal(out->hosts[i], host))
            return true;
    if (out->host_count == HOSTS_MAX || !host.len || host.len > HOST_MAX)
        return true;
    out->hosts[out->host_count] = wd_arena_copy(arena, host);
    return out->hosts[out->host_count++].data != NULL;
}

static bool add_link(struct wd_arena *arena, struct link_list *out, struct wd_str link)
{
    if (memmem(link.data, link.len, " -> ", 4)) /* what a link shows, with where it leads: that stands alone, too */
        return true;
    uint64_t hash = wd_item_hash(link);
    bool is_known = false;
    for (size_t i = 0; i < out->link_count && !is_known; i++)
        is_known = out->links[i] == hash;
    if (!is_known && out->link_count < LINKS_MAX)
        out->links[out->link_count++] = hash;
    return add_host(arena, out, host_of(link));
}

static bool add_text(struct wd_scanner *scanner, struct wd_arena *arena, struct wd_str text, struct link_list *out)
{
    struct wd_view views[WD_VIEWS_MAX];
    size_t count = 0;
    if (!text.len || text.len > TEXT_MAX || !wd_may_have_host(text))
        return true;
    if (wd_views_make(scanner->views, text, 1U << WD_VIEW_LINKS, views, &count) != WD_OK)
        return true;
    for (size_t i = 0; i < count; i++)
        if (views[i].kinds & 1U << WD_VIEW_LINKS && !add_link(arena, out, views[i].text))
            return false;
    return true;
}

bool wd_list_links(struct wd_scanner *scanner, struct wd_arena *arena, const struct wd_event *event,
                   struct link_list *out)
{
    bool fine = true;
    out->link_count = out->host_count = 0;
    wd_views_stop_when(scanner->views, NULL, NULL);
    for (size_t i = 0; i < event->link_count && fine; i++)
        fine = add_text(scanner, arena, event->links[i].url, out);
    for (size_t i = 0; i < event->text_count && fine; i++)
        if (event->texts[i].field != WD_FIELD_AUTHOR_NAME)
            fine = add_text(scanner, arena, event->texts[i].text, out);
    return fine;
}
