warden_fuzzer(views SOURCES ${CMAKE_CURRENT_LIST_DIR}/views_fuzz.c ROOMS filters_views)
