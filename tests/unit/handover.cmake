warden_unit_test(handover SOURCES ${CMAKE_CURRENT_LIST_DIR}/handover_test.c ${PROJECT_SOURCE_DIR}/worker/handover.c
  ROOMS worker_base filters_base filters_event filters_views filters_patterns filters_matchers filters_rules filters_behaviour
  USES Threads::Threads)
target_link_options(test_handover PRIVATE
  -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,--wrap=wd_ruleset_unref)
