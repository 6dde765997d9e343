warden_fuzzer(value SOURCES ${CMAKE_CURRENT_LIST_DIR}/value_fuzz.c ROOMS filters_views filters_base filters_behaviour)
