# The result file and everything that reads it: the only sources that include hdf5.h.
add_library(swp_store STATIC
  chunker.c columns.c copy_rows.c file.c file_guard.c file_objects.c gather.c h5util.c layout.c layout_read.c lock.c packer.c plan.c reader.c
  rewrite.c row.c store.c)
target_include_directories(swp_store PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(swp_store PUBLIC ws_sim ws_power ws_base PRIVATE ws_flags hdf5::hdf5 hdf5::hdf5_hl ZLIB::ZLIB
  Threads::Threads m)

# The commands that look at files; expressions are the constraints' (swp_core).
add_library(swp_commands STATIC
  args.c cmd_diff.c cmd_export.c cmd_info.c cmd_pareto.c cmd_ranking.c cmd_rewrite.c cmd_show.c cmd_top.c cmd_util.c file_slo.c frame.c job_export.c points.c
  selection.c span.c sparkline.c standing.c table.c tally.c where.c)
target_include_directories(swp_commands PUBLIC ${CMAKE_CURRENT_SOURCE_DIR})
target_link_libraries(swp_commands PUBLIC swp_store swp_core PRIVATE ws_flags m)
