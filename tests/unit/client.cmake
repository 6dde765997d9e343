warden_unit_test(client
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_test.c ${CMAKE_CURRENT_LIST_DIR}/client_server.c
  ROOMS filters_base worker_base worker_platform USES PkgConfig::CURL PkgConfig::JANSSON Threads::Threads)
warden_unit_test(client_tls SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_tls_test.c
  ROOMS filters_base worker_base worker_platform
  USES PkgConfig::CURL PkgConfig::JANSSON PkgConfig::MICROHTTPD Threads::Threads)
warden_unit_test(client_http2 SOURCES ${CMAKE_CURRENT_LIST_DIR}/client_http2_test.c
  ROOMS filters_base worker_base worker_platform USES PkgConfig::CURL PkgConfig::JANSSON Threads::Threads)
