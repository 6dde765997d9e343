warden_unit_test(metrics SOURCES ${CMAKE_CURRENT_LIST_DIR}/metrics_test.c ROOMS worker_base filters_base
  USES Threads::Threads)
