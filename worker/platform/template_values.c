/* What stands for each placeholder of a template: taken from the action and the event. Neighbours: template.c. */
#include <inttypes.h>
#include <stdio.h>

#include "worker/platform/template.h"

static struct wd_str first_present(struct wd_str a, struct wd_str b)
{
    return a.len ? a : b;
}

void template_values_init(struct template_values *values, const struct wd_action *action, const struct wd_event *event)
{
    const struct wd_place *place = &event->place;
    const struct wd_str none = {0};
    bool is_channel = event->content_type == WD_CONTENT_CHANNEL;
    bool is_community = event->content_type == WD_CONTENT_COMMUNITY;
    bool targets_community = wd_str_is(place->target_type, "community");
    *values = (struct template_values){
        .of = {
            [PLACEHOLDER_CONTENT_ID] = event->content_id,
            [PLACEHOLDER_CONTENT_TYPE] = wd_str_from(wd_content_type_name(event->content_type)),
            [PLACEHOLDER_PARENT_ID] = event->parent_id,
            [PLACEHOLDER_AUTHOR_ID] = event->author.id,
            [PLACEHOLDER_CHANNEL_ID] = first_present(place->channel_id, is_channel ? event->content_id : none),
            [PLACEHOLDER_COMMUNITY_ID] = first_present(place->community_id, is_community        ? event->content_id
                                                                            : targets_community ? place->target_id
                                                                                                : none),
            [PLACEHOLDER_TARGET_ID] = place->target_id,
            [PLACEHOLDER_TARGET_TYPE] = place->target_type,
            [PLACEHOLDER_EVENT_NAME] = event->name,
        }};
    if (action->duration_ms > 0) { /* 0 would unmute: a mute without a duration is refused instead */
        snprintf(values->duration_ms, sizeof(values->duration_ms), "%" PRId64, action->duration_ms);
        values->of[PLACEHOLDER_DURATION_MS] = wd_str_from(values->duration_ms);
    }
}
