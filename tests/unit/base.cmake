warden_unit_test(base SOURCES ${CMAKE_CURRENT_LIST_DIR}/base_test.c ROOMS filters_base)
