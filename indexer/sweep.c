/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/error.h"
sdx_status sdx_sweep(const char *dir, const sdx_sweep_options *options, sdx_sweep_report *report, sdx_error *err) { (void)dir; (void)options; (void)report; return error_set(err, SDX_INVALID, "later"); }
