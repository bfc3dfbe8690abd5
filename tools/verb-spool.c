/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* hawser spool check: is what waits on the disk as it was written. Works on the files, while no daemon has them. */

#include "tool.h"

#include <string.h>

#define SPOOL_FILE "spool.db" /* as hawserd calls it in its state-dir */

typedef struct {
  guint64 n_queues, n_entries;
} Count;

static void
print_problem (gpointer    data,
               guint64     position,
               const char *text)
{
  g_print ("%s\n", text);
}

static gboolean
count_queue (gpointer      data,
             guint32       queue,
             const char   *id,
             const guint8 *meta,
             gsize         meta_len)
{
  ((Count *) data)->n_queues++;
  return TRUE;
}

static gboolean
count_entry (gpointer data,
             guint32  queue,
             guint64  position,
             guint32  size,
             guint32  time_s)
{
  ((Count *) data)->n_entries++;
  return TRUE;
}

static gboolean
check_store (HawserStore      *store,
             const char       *path,
             Count            *count,
             HawserStoreInfo  *info,
             GError          **error)
{
  gboolean is_done;

  if (!hawser_store_open (store, path, print_problem, NULL, error))
    return FALSE;
  is_done = hawser_store_check (store, error) && hawser_store_foreach_queue (store, count_queue, count, error)
            && hawser_store_foreach_entry (store, count_entry, count, error);
  hawser_store_get_info (store, info);
  hawser_store_close (store);
  return is_done;
}

static int
check (Tool  *tool,
       int    argc,
       char **argv)
{
  g_autofree char *type = NULL;
  const GOptionEntry entries[] = {
    { "store", 0, 0, G_OPTION_ARG_STRING, &type, "Type of the store (default: sqlite)", "TYPE" },
    { NULL }
  };
  g_autofree char *path = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (HawserStore) store = NULL;
  HawserStoreInfo info = { 0 };
  Count count = { 0 };
  GType gtype;
  int code;

  if (!tool_parse (tool, &argc, &argv, entries, "STATE-DIR|FILE",
                   "Reads every record of a spool that no daemon uses, and names what is damaged. It is opened as the daemon would open\n"
                   "it at its start: what does not belong to a whole store is set aside then, and the files as they were are kept.",
                   "Exit status: 0 no damage, 1 damage, or it could not be read.", 1, 1, &code))
    return code;
  path = g_file_test (argv[1], G_FILE_TEST_IS_DIR) ? g_build_filename (argv[1], SPOOL_FILE, NULL) : g_strdup (argv[1]);
  if (!g_file_test (path, G_FILE_TEST_IS_REGULAR))
    return tool_fail (tool, TOOL_FAILED, "'%s': there is no such file", path);
  gtype = hawser_plugin_registry_get_gtype (hawser_plugin_registry_get_default (), "store", type != NULL ? type : "sqlite", &error);
  if (gtype == G_TYPE_INVALID)
    return tool_fail_error (tool, error);
  store = g_object_new (gtype, NULL);
  if (!check_store (store, path, &count, &info, &error))
    return tool_fail_error (tool, error);
  g_print ("%s: %" G_GUINT64_FORMAT " message%s in %" G_GUINT64_FORMAT " queue%s, ", path, count.n_entries, count.n_entries == 1 ? "" : "s",
           count.n_queues, count.n_queues == 1 ? "" : "s");
  if (info.n_damaged == 0)
    g_print ("no damage\n");
  else
    g_print ("%" G_GUINT64_FORMAT " damaged\n", info.n_damaged);
  return info.n_damaged == 0 ? TOOL_DONE : TOOL_FAILED;
}

int
tool_verb_spool (Tool  *tool,
                 int    argc,
                 char **argv)
{
  static const ToolVerb verbs[] = {
    { "check", NULL, "STATE-DIR|FILE", "Whether what waits on the disk is as it was written", check },
  };

  return tool_run_sub_verb (tool, verbs, G_N_ELEMENTS (verbs), argc, argv);
}
