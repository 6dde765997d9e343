set(bundle_room ${PROJECT_SOURCE_DIR}/worker/bundle)
warden_fuzzer(bundle
  SOURCES ${CMAKE_CURRENT_LIST_DIR}/bundle_fuzz.c ${bundle_room}/archive.c ${bundle_room}/manifest.c
    ${bundle_room}/minisign.c ${bundle_room}/version.c
  ROOMS filters_base
  USES PkgConfig::JANSSON PkgConfig::CRYPTO PkgConfig::SODIUM)
