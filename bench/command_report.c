/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>

#include "command.h"
#include "report.h"

int command_report(int argc, char **argv) {
  figures f = { 0 };
  int result = argc < 3 ? 2 : 0;
  if (result != 0) fprintf(stderr, "usage: sealdex-bench report DIR FIGURES...\n");
  for (int i = 2; i < argc && result == 0; i++) result = figures_read(&f, argv[i]) == 0 ? 0 : 6;
  if (result == 0 && report_write(&f, argv[1]) != 0) result = 6;
  figures_free(&f);
  return result;
}
