/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Words of many languages, as people type them with and without marks, over the texts of
 * $SEALDEX_CORPORA/multilang through the whole index. Skipped where these are absent.
 *
 * Judged by a scan of the texts: every text in which the word stands as it is written must be
 * found, typed either way; a text in which nothing begins like the word must not. Words alone stand
 * here, no line of the texts.
 */
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "text/text.h"

/* Of one folder: the word as the texts have it, and what people type beside it. */
typedef struct typed {
  const char *folder, *word, *plain;
} typed;

static const typed words[] = {
  { "bg", "труд", "ТРУД" },
  { "bg", "сърцето", "СЪРЦЕТО" },
  { "bg", "приятели", "Приятели" },
  { "bg", "време", "ВРЕМЕ" },
  { "ca", "descripció", "descripcio" },
  { "ca", "informació", "INFORMACIO" },
  { "ca", "següents", "seguents" },
  { "ca", "línia", "linia" },
  { "ca", "anglès", "angles" },
  { "ca", "còpia", "copia" },
  { "cs", "balíky", "baliky" },
  { "cs", "můžete", "muzete" },
  { "cs", "následující", "nasledujici" },
  { "cs", "řešení", "RESENI" },
  { "cs", "použít", "pouzit" },
  { "cs", "protože", "protoze" },
  { "de", "über", "uber" },
  { "de", "können", "konnen" },
  { "de", "während", "WAHREND" },
  { "de", "verfügbar", "verfugbar" },
  { "de", "Möglichkeit", "moglichkeit" },
  { "de", "muss", "MUSS" },
  { "es", "información", "informacion" },
  { "es", "también", "tambien" },
  { "es", "órdenes", "ordenes" },
  { "es", "tamaño", "tamano" },
  { "es", "código", "CODIGO" },
  { "es", "página", "pagina" },
  { "fi", "käyttöliittymä", "kayttoliittyma" },
  { "fi", "päivitys", "paivitys" },
  { "fi", "jälkeen", "jalkeen" },
  { "fi", "yleensä", "YLEENSA" },
  { "fr", "système", "systeme" },
  { "fr", "dépendances", "dependances" },
  { "fr", "résolution", "RESOLUTION" },
  { "fr", "même", "meme" },
  { "fr", "référence", "reference" },
  { "fr", "façon", "facon" },
  { "it", "funzionalità", "funzionalita" },
  { "it", "perciò", "percio" },
  { "it", "così", "cosi" },
  { "it", "possibilità", "POSSIBILITA" },
  { "nl", "geïnteresseerd", "geinteresseerd" },
  { "nl", "officiële", "officiele" },
  { "nl", "kopieën", "kopieen" },
  { "pl", "będzie", "bedzie" },
  { "pl", "życie", "zycie" },
  { "pl", "więc", "wiec" },
  { "pl", "proszę", "PROSZE" },
  { "pl", "dużo", "duzo" },
  { "pt", "execução", "execucao" },
  { "pt", "várias", "varias" },
  { "pt", "método", "metodo" },
  { "pt", "opções", "OPCOES" },
  { "pt", "instalação", "instalacao" },
  { "ru", "пакетов", "ПАКЕТОВ" },
  { "ru", "время", "Время" },
  { "ru", "является", "ЯВЛЯЕТСЯ" },
  { "ru", "ещё", "еще" },
  { "vi", "trường", "truong" },
  { "vi", "thiết", "thiet" },
  { "vi", "chạy", "chay" },
  { "vi", "hình", "HINH" },
  { "vi", "riêng", "rieng" },
  { "ja", "章", "章" },
  { "ja", "第", "第" },
  { "ja", "目次", "目次" },
  { "ja", "ファイル", "ﾌｧｲﾙ" },
  { "ja", "システム", "ｼｽﾃﾑ" },
  { "ja", "コマンド", "コマンド" },
  { "ko", "파일", "\u1111\u1161\u110b\u1175\u11af" },
  { "ko", "정보", "정보" },
  { "ko", "한", "한" },
  { "ko", "매뉴얼", "매뉴얼" },
  { "ko", "리눅스", "리눅스" },
  { "zh", "落花", "落花" },
  { "zh", "雨", "雨" },
  { "zh", "树", "树" },
  { "zh", "无", "无" },
  { "zh-cn", "文件", "文件" },
  { "zh-cn", "软件包", "软件包" },
  { "zh-cn", "支持", "支持" },
  { "zh-cn", "行", "行" },
  { "zh-tw", "指令", "指令" },
  { "zh-tw", "變數", "變數" },
  { "zh-tw", "行", "行" },
};
#define WORDS (sizeof words / sizeof *words)

#define TEXTS_MAX 200

/* A file of the folder: its id, its text as it was indexed, and that folded. */
typedef struct text {
  char id[256];
  char *plain, *folded;
} text;

static const uint8_t key[SDX_KEY_SIZE] = "a key for tests, not for mail...";
static char place[] = "/tmp/test-multilang.XXXXXX";

static void ok(sdx_status status, const sdx_error *err) {
  if (status != SDX_OK) fail_msg("%s", err->message);
}

static bool is_ngrams(const char *folder) {
  return strcmp(folder, "ja") == 0 || strcmp(folder, "ko") == 0 || strncmp(folder, "zh", 2) == 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw) {
  (void)st;
  (void)type;
  (void)ftw;
  return remove(path);
}

/* ------------------------------------------------------------------ the texts */

static void keep(text *out, text_analyser *a, const sdx_item *item) {
  size_t size = 0, room = 1;
  assert_true(item->id.size < sizeof out->id);
  memcpy(out->id, item->id.data, item->id.size);
  out->id[item->id.size] = 0;
  for (size_t i = 0; i < item->field_count; i++) room += item->fields[i].text.size + 1;
  out->plain = malloc(room);
  out->folded = malloc(3 * room + 5);
  assert_non_null(out->plain);
  assert_non_null(out->folded);
  for (size_t i = 0; i < item->field_count; i++) {
    const sdx_bytes t = item->fields[i].text;
    for (size_t k = 0; k < t.size; k++) out->plain[size++] = t.data[k] != 0 ? t.data[k] : ' ';
    out->plain[size++] = '\n';
  }
  out->plain[size] = 0;
  out->folded[text_fold(a, out->plain, size, out->folded, 3 * room + 4)] = 0;
}

/* Indexes a folder's files, and keeps their texts. */
static size_t index_folder(sdx_index **index, text_analyser *a, const char *path,
                           const char *language, text *texts) {
  char dir[80];
  sdx_source *source;
  sdx_batch *batch;
  sdx_error err = { 0 };
  size_t count = 0;
  const sdx_secret secret = { .kind = SDX_SECRET_KEY, .bytes = key, .size = sizeof key };
  sdx_init_options init = SDX_INIT_OPTIONS_INIT;
  init.languages = language;
  (void)snprintf(dir, sizeof dir, "%s/index", place);
  (void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
  ok(sdx_init(dir, &secret, &init, &err), &err);
  ok(sdx_open(index, dir, &secret, NULL, &err), &err);
  ok(sdx_source_open(&source, &path, 1, NULL, &err), &err);
  ok(sdx_batch_begin(&batch, *index, NULL, &err), &err);
  for (;;) {
    const sdx_entry *entry;
    const sdx_status status = sdx_source_next(source, &entry, &err);
    if (status == SDX_NOT_FOUND) break;
    ok(status, &err);
    if (entry->item == NULL) continue;
    assert_true(count < TEXTS_MAX);
    keep(&texts[count++], a, entry->item);
    ok(sdx_batch_add(batch, entry->item, NULL, &err), &err);
  }
  ok(sdx_batch_commit(batch, &err), &err);
  sdx_source_close(source);
  return count;
}

/* ------------------------------------------------------------------ the judge */

static bool is_edge(char c) {
  return c == 0 || ((unsigned char)c < 0x80 && strchr(" \t\r\n.,;:!?()\"", c) != NULL);
}

/* The word stands in the text as it is written; between spaces and stops, but where there are none.
 */
static bool stands(const char *in, const char *word, bool anywhere) {
  const size_t size = strlen(word);
  for (const char *at = in; (at = strstr(at, word)) != NULL; at++)
    if (anywhere || ((at == in || is_edge(at[-1])) && is_edge(at[size]))) return true;
  return false;
}

/* Up to `count` characters of a word. */
static void head(char out[64], const char *word, unsigned count) {
  size_t size = 0;
  while (word[size] != 0 && size < 60) {
    if (((unsigned char)word[size] & 0xc0) != 0x80 && count-- == 0) break;
    out[size] = word[size];
    size++;
  }
  out[size] = 0;
}

static bool may_be_found(text_analyser *a, const text *t, const char *word, bool ngrams) {
  char folded[200], character[64];
  folded[text_fold(a, word, strlen(word), folded, sizeof folded - 1)] = 0;
  if (!ngrams) {
    head(character, folded, 3);
    return strstr(t->folded, character) != NULL;
  }
  for (const char *at = folded; *at != 0; at += strlen(character)) { /* every character at least */
    head(character, at, 1);
    if (strstr(t->folded, character) == NULL) return false;
  }
  return true;
}

static bool is_hit(const sdx_results *results, const char *id) {
  for (size_t i = 0; i < sdx_results_count(results); i++) {
    const sdx_bytes hit = sdx_results_hit(results, i)->id;
    if (hit.size == strlen(id) && memcmp(hit.data, id, hit.size) == 0) return true;
  }
  return false;
}

/* Returns what is wrong with the answer to one way of typing a word. */
static size_t judge(sdx_index *index, text_analyser *a, const typed *w, const char *query,
                    const text *texts, size_t count, size_t *standing) {
  sdx_results *results = NULL;
  sdx_error err = { 0 };
  size_t wrong = 0;
  sdx_search_options options = SDX_SEARCH_OPTIONS_INIT;
  const bool ngrams = is_ngrams(w->folder);
  options.limit = TEXTS_MAX;
  ok(sdx_search(index, (sdx_bytes){ query, strlen(query) }, &options, &results, &err), &err);
  *standing = 0;
  for (size_t i = 0; i < count; i++) {
    const bool hit = is_hit(results, texts[i].id), must = stands(texts[i].plain, w->word, ngrams);
    *standing += must;
    if (must ? hit : !hit || may_be_found(a, &texts[i], w->word, ngrams)) continue;
    print_error("%s: %s %s %s\n", w->folder, query, must ? "does not find" : "finds", texts[i].id);
    wrong++;
  }
  sdx_results_free(results);
  return wrong;
}

static void test_texts(void **state) {
  (void)state;
  const char *corpora = getenv("SEALDEX_CORPORA");
  static text texts[TEXTS_MAX];
  size_t wrong = 0, asked = 0;
  for (size_t first = 0, end; first < WORDS; first = end) {
    const char *folder = words[first].folder;
    char path[400], language[3] = { folder[0], folder[1], 0 };
    sdx_index *index;
    text_analyser *a;
    sdx_error err = { 0 };
    for (end = first; end < WORDS && strcmp(words[end].folder, folder) == 0; end++) {
    }
    (void)snprintf(path, sizeof path, "%s/multilang/%s", corpora != NULL ? corpora : "", folder);
    if (corpora == NULL || access(path, R_OK) != 0) continue;
    ok(text_analyser_open(&a, language, &err), &err);
    const size_t count = index_folder(&index, a, path, language, texts);
    for (size_t i = first; i < end; i++) {
      size_t standing;
      wrong += judge(index, a, &words[i], words[i].word, texts, count, &standing);
      if (standing == 0) print_error("%s: %s is in no text\n", folder, words[i].word);
      wrong += standing == 0;
      wrong += judge(index, a, &words[i], words[i].plain, texts, count, &standing);
      asked += 2;
    }
    for (size_t i = 0; i < count; i++) {
      free(texts[i].plain);
      free(texts[i].folded);
    }
    sdx_close(index);
    text_analyser_close(a);
  }
  if (asked == 0) {
    print_message("skipped: SEALDEX_CORPORA has no multilang\n");
    skip();
  }
  print_message("%zu queries\n", asked);
  assert_int_equal(wrong, 0);
}

static int make_place(void **state) {
  (void)state;
  return mkdtemp(place) != NULL ? 0 : -1;
}

static int remove_place(void **state) {
  (void)state;
  return nftw(place, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void) {
  const struct CMUnitTest tests[] = { cmocka_unit_test(test_texts) };
  return cmocka_run_group_tests(tests, make_place, remove_place);
}
