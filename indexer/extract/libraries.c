/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "indexer/extract/libraries.h"

#include <gmime/gmime.h>
#include <libxml/parser.h>
#include <pthread.h>

static void silence(const gchar *domain, GLogLevelFlags level, const gchar *message,
                    gpointer data) {
  (void)domain, (void)level, (void)message, (void)data;
}

static void start(void) {
  xmlInitParser();
  g_mime_init();
  const int all = G_LOG_LEVEL_MASK | G_LOG_FLAG_FATAL | G_LOG_FLAG_RECURSION;
  g_log_set_handler("gmime", (GLogLevelFlags)all, silence, NULL);
}

void libraries_start(void) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  (void)pthread_once(&once, start);
}
