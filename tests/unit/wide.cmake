warden_unit_test(wide SOURCES ${CMAKE_CURRENT_LIST_DIR}/wide_test.c ${CMAKE_CURRENT_LIST_DIR}/patterns_random.c
  ROOMS filters_patterns filters_base)
