# `cmake --install`: everything where Debian expects it. Neighbours: warden.pc.in, docs/warden.1, completions/.

# The pkg-config file finds its library from where it lies itself, so that a tree can be moved or staged. Who links the
# static library needs what it needs; the shared one brings that along.
set(PC_REQUIRES "Requires: libpcre2-8 jansson yaml-0.1 icu-uc icu-i18n simdjson libpsl libidn2 libcrypto")
set(PC_LIBS " -lstdc++ -lm")
if(BUILD_SHARED_LIBS)
  set(PC_REQUIRES "")
  set(PC_LIBS "")
endif()
foreach(part LIBDIR INCLUDEDIR)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${part}}")
    set(PC_${part} ${CMAKE_INSTALL_${part}})
  else()
    set(PC_${part} "\${prefix}/${CMAKE_INSTALL_${part}}")
  endif()
endforeach()
file(RELATIVE_PATH PC_PREFIX ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
configure_file(${CMAKE_CURRENT_LIST_DIR}/warden.pc.in ${PROJECT_BINARY_DIR}/warden.pc @ONLY)

install(TARGETS warden RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(TARGETS libwarden LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/warden DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN *.h)
install(FILES ${PROJECT_BINARY_DIR}/warden.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
# The full path: with the prefix /usr it is /etc, as it is where the program looks.
install(FILES config/warden.yaml DESTINATION ${CMAKE_INSTALL_FULL_SYSCONFDIR}/warden)
# What belongs to the program and is replaced by an upgrade: rule sets, action tables, schemas, the demo's sample.
install(DIRECTORY config/ DESTINATION ${CMAKE_INSTALL_DATADIR}/warden PATTERN warden.yaml EXCLUDE)
install(FILES docs/warden.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES completions/warden.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME warden)
install(FILES completions/_warden DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/vendor-completions)
install(FILES completions/warden.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
install(FILES README.md LICENSE CHANGELOG.md docs/configuration.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
