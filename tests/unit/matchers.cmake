set(MATCHER_ROOMS filters_base filters_event filters_views filters_patterns filters_matchers filters_rules filters_behaviour)
foreach(name matchers matchers_hosts matchers_manner matchers_rules matchers_random matchers_features matchers_models
    matchers_effort)
  warden_unit_test(${name} SOURCES ${CMAKE_CURRENT_LIST_DIR}/${name}_test.c ROOMS ${MATCHER_ROOMS})
endforeach()
