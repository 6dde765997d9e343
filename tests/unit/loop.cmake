warden_unit_test(loop SOURCES ${CMAKE_CURRENT_LIST_DIR}/loop_test.c ${PROJECT_SOURCE_DIR}/worker/loop.c
  ROOMS filters_base USES Threads::Threads)
