/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The contract of the store role, as facts. Run on each implementation by its own test program. */

#include "contract-store.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <glib/gstdio.h>

typedef struct {
  HawserStore *(*make) (void);
  HawserStore *store;
  char *dir;
  char *path;
  guint n_problems;
} Fixture;

static void
on_problem (gpointer data, guint64 position, const char *text)
{
  Fixture *fixture = data;

  fixture->n_problems++;
  g_test_message ("problem at %" G_GUINT64_FORMAT ": %s", position, text);
}

static void
open_again (Fixture *fixture)
{
  g_autoptr(GError) error = NULL;
  gboolean is_open;

  if (fixture->store != NULL)
    hawser_store_close (fixture->store);
  g_clear_object (&fixture->store);
  fixture->store = fixture->make ();
  is_open = hawser_store_open (fixture->store, fixture->path, on_problem, fixture, &error);
  g_assert_no_error (error);
  g_assert_true (is_open);
}

static void
set_up (Fixture *fixture, gconstpointer make)
{
  fixture->make = (HawserStore * (*) (void)) make;
  fixture->dir = g_dir_make_tmp ("hawser-store-XXXXXX", NULL);
  fixture->path = g_build_filename (fixture->dir, "store", NULL);
  open_again (fixture);
}

static void
tear_down (Fixture *fixture, gconstpointer make)
{
  g_autoptr(GDir) dir = NULL;
  const char *name;

  hawser_store_close (fixture->store);
  g_object_unref (fixture->store);
  dir = g_dir_open (fixture->dir, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (fixture->dir, name, NULL);

      g_unlink (path);
    }
  g_rmdir (fixture->dir);
  g_free (fixture->dir);
  g_free (fixture->path);
}

static void
apply (Fixture *fixture, const HawserStoreOp *ops, guint n_ops)
{
  g_autoptr(GError) error = NULL;
  gboolean is_done = hawser_store_apply (fixture->store, ops, n_ops, TRUE, &error);

  g_assert_no_error (error);
  g_assert_true (is_done);
}

static HawserStoreOp
append_op (guint64 position, const guint32 *queues, guint n_queues, const char *text)
{
  return (HawserStoreOp) { .kind = HAWSER_STORE_APPEND, .position = position, .queues = queues, .n_queues = n_queues, .size = (guint32) strlen (text),
                           .time_s = 1000, .data = (const guint8 *) text, .len = strlen (text) };
}

static HawserStoreOp
ack_op (guint32 queue, guint64 first, guint64 last)
{
  return (HawserStoreOp) { .kind = HAWSER_STORE_ACK, .queue = queue, .position = first, .last = last };
}

static HawserStoreOp
queue_op (guint32 queue, const char *id, const char *meta)
{
  return (HawserStoreOp) { .kind = HAWSER_STORE_ADD_QUEUE, .queue = queue, .key = id, .data = (const guint8 *) meta, .len = strlen (meta) };
}

static const guint32 both_queues[2] = { 1, 2 };

static void
add_queues (Fixture *fixture)
{
  const HawserStoreOp ops[] = { queue_op (1, "one", "meta of one"), queue_op (2, "two", "") };

  apply (fixture, ops, G_N_ELEMENTS (ops));
}

static gboolean
on_message (gpointer data, guint64 position, const guint8 *message, gsize len)
{
  GString *text = data;

  g_string_append_printf (text, "%" G_GUINT64_FORMAT ":", position);
  g_string_append_len (text, (const char *) message, (gssize) len);
  g_string_append_c (text, ' ');
  return TRUE;
}

static char *
read_text (Fixture *fixture, guint32 queue, guint64 first)
{
  GString *text = g_string_new (NULL);
  g_autoptr(GError) error = NULL;
  gboolean is_done = hawser_store_read (fixture->store, queue, first, on_message, text, &error);

  g_assert_no_error (error);
  g_assert_true (is_done);
  return g_string_free (text, FALSE);
}

static void
assert_reads (Fixture *fixture, guint32 queue, guint64 first, const char *expected)
{
  g_autofree char *text = read_text (fixture, queue, first);

  g_assert_cmpstr (text, ==, expected);
}

static gboolean
on_entry (gpointer data, guint32 queue, guint64 position, guint32 size, guint32 time_s)
{
  g_string_append_printf (data, "%u/%" G_GUINT64_FORMAT "/%u/%u ", queue, position, size, time_s);
  return TRUE;
}

static void
assert_entries (Fixture *fixture, const char *expected)
{
  g_autoptr(GString) text = g_string_new (NULL);

  g_assert_true (hawser_store_foreach_entry (fixture->store, on_entry, text, NULL));
  g_assert_cmpstr (text->str, ==, expected);
}

static gboolean
on_queue (gpointer data, guint32 queue, const char *id, const guint8 *meta, gsize meta_len)
{
  g_string_append_printf (data, "%u=%s(%.*s) ", queue, id, (int) meta_len, (const char *) meta);
  return TRUE;
}

static void
assert_queues (Fixture *fixture, const char *expected)
{
  g_autoptr(GString) text = g_string_new (NULL);

  g_assert_true (hawser_store_foreach_queue (fixture->store, on_queue, text, NULL));
  g_assert_cmpstr (text->str, ==, expected);
}

static gboolean
on_value (gpointer data, const char *key, guint64 revision, const guint8 *value, gsize value_len)
{
  g_autofree char *of = revision != 0 ? g_strdup_printf ("@%" G_GUINT64_FORMAT, revision) : g_strdup ("");

  g_ptr_array_add (data, g_strdup_printf ("%s%s=%.*s ", key, of, (int) value_len, (const char *) value));
  return TRUE;
}

static int
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* In any order. */
static void
assert_values (Fixture *fixture, const char *space, const char *expected)
{
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *text = NULL;

  g_assert_true (hawser_store_foreach_value (fixture->store, space, on_value, values, NULL));
  g_ptr_array_sort (values, compare_texts);
  g_ptr_array_add (values, NULL);
  text = g_strjoinv (NULL, (char **) values->pdata);
  g_assert_cmpstr (text, ==, expected);
}

static void
is_empty_when_new (Fixture *fixture, gconstpointer make)
{
  HawserStoreInfo info;

  assert_queues (fixture, "");
  assert_entries (fixture, "");
  hawser_store_get_info (fixture->store, &info);
  g_assert_cmpuint (info.last_position, ==, 0);
  g_assert_cmpuint (fixture->n_problems, ==, 0);
}

static void
keeps_queues_over_restart (Fixture *fixture, gconstpointer make)
{
  add_queues (fixture);
  open_again (fixture);
  assert_queues (fixture, "1=one(meta of one) 2=two() ");
}

static void
replaces_the_meta_of_a_known_queue (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp op = queue_op (1, "one", "new");

  add_queues (fixture);
  apply (fixture, &op, 1);
  open_again (fixture);
  assert_queues (fixture, "1=one(new) 2=two() ");
}

static void
append_three (Fixture *fixture)
{
  const HawserStoreOp ops[] = { append_op (5, both_queues, 1, "a"), append_op (6, both_queues, 2, "bb"), append_op (8, both_queues + 1, 1, "ccc") };

  add_queues (fixture);
  apply (fixture, ops, G_N_ELEMENTS (ops));
}

static void
keeps_messages_in_order_over_restart (Fixture *fixture, gconstpointer make)
{
  append_three (fixture);
  open_again (fixture);
  assert_reads (fixture, 1, 0, "5:a 6:bb ");
  assert_reads (fixture, 2, 0, "6:bb 8:ccc ");
  assert_entries (fixture, "1/5/1/1000 1/6/2/1000 2/6/2/1000 2/8/3/1000 ");
}

static void
reads_from_a_position_on (Fixture *fixture, gconstpointer make)
{
  append_three (fixture);
  assert_reads (fixture, 1, 6, "6:bb ");
  assert_reads (fixture, 1, 7, "");
  assert_reads (fixture, 3, 0, "");
}

static void
shared_message_stays_until_the_last_ack (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp first = ack_op (1, 6, 6), second = ack_op (2, 6, 6);

  append_three (fixture);
  apply (fixture, &first, 1);
  assert_reads (fixture, 1, 0, "5:a ");
  assert_reads (fixture, 2, 0, "6:bb 8:ccc ");
  apply (fixture, &second, 1);
  assert_reads (fixture, 2, 0, "8:ccc ");
  g_assert_true (hawser_store_check (fixture->store, NULL));
  g_assert_cmpuint (fixture->n_problems, ==, 0);
}

static void
ack_of_a_range_leaves_other_queues_alone (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp op = ack_op (1, 0, G_MAXUINT64);

  append_three (fixture);
  apply (fixture, &op, 1);
  open_again (fixture);
  assert_reads (fixture, 1, 0, "");
  assert_reads (fixture, 2, 0, "6:bb 8:ccc ");
  g_assert_true (hawser_store_check (fixture->store, NULL));
  g_assert_cmpuint (fixture->n_problems, ==, 0);
}

static void
ack_of_what_is_not_there_does_nothing (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp ops[] = { ack_op (1, 7, 7), ack_op (9, 5, 5), ack_op (1, 100, 200), ack_op (1, 6, 5), ack_op (2, 5, 5) };

  append_three (fixture);
  apply (fixture, ops, G_N_ELEMENTS (ops));
  assert_entries (fixture, "1/5/1/1000 1/6/2/1000 2/6/2/1000 2/8/3/1000 ");
}

static void
removed_queue_takes_its_messages_along (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp op = { .kind = HAWSER_STORE_REMOVE_QUEUE, .queue = 2 };

  append_three (fixture);
  apply (fixture, &op, 1);
  open_again (fixture);
  assert_queues (fixture, "1=one(meta of one) ");
  assert_entries (fixture, "1/5/1/1000 1/6/2/1000 ");
  g_assert_true (hawser_store_check (fixture->store, NULL));
  g_assert_cmpuint (fixture->n_problems, ==, 0);
}

static void
last_position_survives_an_emptied_queue (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp acks[] = { ack_op (1, 0, 100), ack_op (2, 0, 100) };
  const HawserStoreOp unused = { .kind = HAWSER_STORE_APPEND, .position = 12 };
  HawserStoreInfo info;

  append_three (fixture);
  apply (fixture, acks, G_N_ELEMENTS (acks));
  open_again (fixture);
  hawser_store_get_info (fixture->store, &info);
  g_assert_cmpuint (info.last_position, ==, 8);
  apply (fixture, &unused, 1);
  open_again (fixture);
  hawser_store_get_info (fixture->store, &info);
  g_assert_cmpuint (info.last_position, ==, 12);
  assert_entries (fixture, "");
}

static void
keeps_values_by_space_and_key (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp ops[] = {
    { .kind = HAWSER_STORE_PUT, .space = "retained", .key = "b", .data = (const guint8 *) "2", .len = 1 },
    { .kind = HAWSER_STORE_PUT, .space = "retained", .key = "a", .data = (const guint8 *) "1", .len = 1 },
    { .kind = HAWSER_STORE_PUT, .space = "session", .key = "a", .data = (const guint8 *) "x", .len = 1 },
    { .kind = HAWSER_STORE_PUT, .space = "retained", .key = "b", .data = (const guint8 *) "3", .len = 1 },
    { .kind = HAWSER_STORE_PUT, .space = "retained", .key = "gone", .data = (const guint8 *) "", .len = 0 },
    { .kind = HAWSER_STORE_DELETE, .space = "retained", .key = "gone" },
    { .kind = HAWSER_STORE_DELETE, .space = "retained", .key = "never" },
  };

  apply (fixture, ops, G_N_ELEMENTS (ops));
  open_again (fixture);
  assert_values (fixture, "retained", "a=1 b=3 ");
  assert_values (fixture, "session", "a=x ");
  assert_values (fixture, "other", "");
}

static HawserStoreOp
put_op (const char *key, guint64 if_revision, guint64 revision, const char *text)
{
  return (HawserStoreOp) { .kind = HAWSER_STORE_PUT, .space = "twins", .key = key, .is_conditional = TRUE, .if_revision = if_revision, .revision = revision,
                           .data = (const guint8 *) text, .len = strlen (text) };
}

static void
assert_conflict (Fixture *fixture, const HawserStoreOp *ops, guint n_ops)
{
  g_autoptr(GError) error = NULL;

  g_assert_false (hawser_store_apply (fixture->store, ops, n_ops, TRUE, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_CONFLICT);
}

static void
value_is_put_if_its_revision_is_the_expected (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp first = put_op ("a", 0, 1, "one"), second[] = { put_op ("a", 1, 7, "two"), put_op ("a", 7, 8, "three"), put_op ("b", 0, G_MAXUINT64 - 1, "") };

  apply (fixture, &first, 1);
  assert_values (fixture, "twins", "a@1=one ");
  apply (fixture, second, G_N_ELEMENTS (second)); /* what comes before in the same call counts */
  open_again (fixture);
  assert_values (fixture, "twins", "a@8=three b@18446744073709551614= ");
}

static void
stale_writer_is_refused (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp ops[] = { put_op ("a", 0, 1, "one"), put_op ("a", 1, 2, "two") }, stale = put_op ("a", 1, 3, "stale"), again = put_op ("a", 0, 3, "stale"),
                      ahead = put_op ("a", 3, 4, "stale"), of_nothing = put_op ("z", 1, 2, "stale");

  apply (fixture, ops, G_N_ELEMENTS (ops));
  assert_conflict (fixture, &stale, 1);
  assert_conflict (fixture, &again, 1);
  assert_conflict (fixture, &ahead, 1);
  assert_conflict (fixture, &of_nothing, 1);
  assert_values (fixture, "twins", "a@2=two ");
  open_again (fixture);
  assert_values (fixture, "twins", "a@2=two ");
}

static void
nothing_is_changed_with_a_stale_value (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp ops[] = { put_op ("a", 0, 1, "one"), put_op ("b", 0, 1, "one") };
  const HawserStoreOp mixed[] = { put_op ("a", 1, 2, "two"), append_op (20, both_queues, 1, "new"), ack_op (1, 5, 5), put_op ("b", 7, 8, "stale") };
  HawserStoreInfo info;

  append_three (fixture);
  apply (fixture, ops, G_N_ELEMENTS (ops));
  assert_conflict (fixture, mixed, G_N_ELEMENTS (mixed));
  assert_values (fixture, "twins", "a@1=one b@1=one ");
  assert_reads (fixture, 1, 0, "5:a 6:bb ");
  hawser_store_get_info (fixture->store, &info);
  g_assert_false (info.is_full);
  apply (fixture, mixed, 3);
  assert_values (fixture, "twins", "a@2=two b@1=one ");
  assert_reads (fixture, 1, 0, "6:bb 20:new ");
}

static void
value_is_deleted_if_its_revision_is_the_expected (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp put = put_op ("a", 0, 5, "five");
  const HawserStoreOp stale = { .kind = HAWSER_STORE_DELETE, .space = "twins", .key = "a", .is_conditional = TRUE, .if_revision = 4 };
  const HawserStoreOp ops[] = { { .kind = HAWSER_STORE_DELETE, .space = "twins", .key = "a", .is_conditional = TRUE, .if_revision = 5 }, put_op ("a", 0, 1, "one") };

  apply (fixture, &put, 1);
  assert_conflict (fixture, &stale, 1);
  assert_values (fixture, "twins", "a@5=five ");
  apply (fixture, ops, G_N_ELEMENTS (ops));
  assert_values (fixture, "twins", "a@1=one ");
}

static void
value_without_a_revision_fits_any_condition (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp plain = { .kind = HAWSER_STORE_PUT, .space = "twins", .key = "a", .data = (const guint8 *) "x", .len = 1 };
  const HawserStoreOp op = put_op ("a", 17, 18, "y");

  apply (fixture, &plain, 1);
  apply (fixture, &op, 1);
  assert_values (fixture, "twins", "a@18=y ");
}

static void
one_value_is_read_by_its_key (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp ops[] = { put_op ("a", 0, 3, "one"), put_op ("b", 0, 4, "two") };
  g_autoptr(GPtrArray) values = g_ptr_array_new_with_free_func (g_free);

  apply (fixture, ops, G_N_ELEMENTS (ops));
  g_assert_true (hawser_store_get_value (fixture->store, "twins", "c", on_value, values, NULL));
  g_assert_true (hawser_store_get_value (fixture->store, "other", "a", on_value, values, NULL));
  g_assert_cmpuint (values->len, ==, 0);
  g_assert_true (hawser_store_get_value (fixture->store, "twins", "b", on_value, values, NULL));
  g_assert_cmpuint (values->len, ==, 1);
  g_assert_cmpstr (values->pdata[0], ==, "b@4=two ");
}

static void
space_is_cleared_and_no_other (Fixture *fixture, gconstpointer make)
{
  HawserStoreOp ops[] = { put_op ("a", 0, 1, "one"), put_op ("b", 0, 1, "one"), put_op ("c", 0, 1, "one") };
  const HawserStoreOp clear[] = { { .kind = HAWSER_STORE_CLEAR, .space = "twins" }, { .kind = HAWSER_STORE_CLEAR, .space = "never" }, put_op ("d", 0, 1, "new") };

  ops[2].space = "twins/c";
  apply (fixture, ops, G_N_ELEMENTS (ops));
  apply (fixture, clear, G_N_ELEMENTS (clear));
  open_again (fixture);
  assert_values (fixture, "twins", "d@1=new ");
  assert_values (fixture, "twins/c", "c@1=one ");
}

#define N_MANY 5000

static void
every_value_of_a_large_space_is_read_once (Fixture *fixture, gconstpointer make)
{
  g_autoptr(GPtrArray) keys = g_ptr_array_new_with_free_func (g_free), values = g_ptr_array_new_with_free_func (g_free);
  g_autofree HawserStoreOp *ops = g_new (HawserStoreOp, N_MANY);

  for (guint i = 0; i < N_MANY; i++)
    {
      g_ptr_array_add (keys, g_strdup_printf ("key/%05u", i));
      ops[i] = put_op (keys->pdata[i], 0, i + 1, keys->pdata[i]);
    }
  apply (fixture, ops, N_MANY);
  g_assert_true (hawser_store_foreach_value (fixture->store, "twins", on_value, values, NULL));
  g_assert_cmpuint (values->len, ==, N_MANY);
  g_ptr_array_sort (values, compare_texts);
  for (guint i = 0; i < N_MANY; i++)
    {
      g_autofree char *expected = g_strdup_printf ("key/%05u@%u=key/%05u ", i, i + 1, i);

      g_assert_cmpstr (values->pdata[i], ==, expected);
    }
}

static void
applies_all_or_nothing (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp ops[] = { append_op (20, both_queues, 1, "new"), ack_op (1, 5, 5), append_op (5, both_queues, 1, "taken") };
  g_autoptr(GError) error = NULL;

  append_three (fixture);
  /* position 5 is there already: the last change cannot be made */
  {
    const HawserStoreOp bad[] = { ops[0], append_op (6, both_queues, 1, "taken") };

    g_assert_false (hawser_store_apply (fixture->store, bad, G_N_ELEMENTS (bad), TRUE, &error));
    g_assert_nonnull (error);
  }
  assert_entries (fixture, "1/5/1/1000 1/6/2/1000 2/6/2/1000 2/8/3/1000 ");
  assert_reads (fixture, 1, 0, "5:a 6:bb ");
  apply (fixture, ops, 2);
  assert_reads (fixture, 1, 0, "6:bb 20:new ");
}

static void
keeps_messages_of_any_size (Fixture *fixture, gconstpointer make)
{
  static const gsize sizes[] = { 0, 1, 255, 256, 4000, 4050, 4096, 8192, 100000, 3000001 };

  add_queues (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *text = g_strnfill (sizes[i], (char) ('a' + i));
      const HawserStoreOp op = append_op (i + 1, both_queues, 1, text);

      apply (fixture, &op, 1);
    }
  open_again (fixture);
  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++)
    {
      g_autofree char *body = g_strnfill (sizes[i], (char) ('a' + i));
      g_autofree char *expected = g_strdup_printf ("%u:%s ", i + 1, body);
      g_autofree char *text = read_text (fixture, 1, i + 1);

      g_assert_true (g_str_has_prefix (text, expected));
    }
  g_assert_cmpuint (fixture->n_problems, ==, 0);
}

static void
without_sync_survives_close (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp op = append_op (3, both_queues, 1, "x");

  add_queues (fixture);
  g_assert_true (hawser_store_apply (fixture->store, &op, 1, FALSE, NULL));
  g_assert_true (hawser_store_apply (fixture->store, NULL, 0, TRUE, NULL));
  open_again (fixture);
  assert_reads (fixture, 1, 0, "3:x ");
}

static void
second_open_is_refused (Fixture *fixture, gconstpointer make)
{
  g_autoptr(HawserStore) second = fixture->make ();
  g_autoptr(GError) error = NULL;

  add_queues (fixture);
  g_assert_false (hawser_store_open (second, fixture->path, on_problem, fixture, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_EXISTS);
  assert_queues (fixture, "1=one(meta of one) 2=two() ");
}

static void
open_in_another_process_is_refused (Fixture *fixture, gconstpointer make)
{
  int status;
  pid_t child;

  add_queues (fixture);
  child = fork ();
  if (child == 0)
    {
      g_autoptr(HawserStore) second = fixture->make ();
      g_autoptr(GError) error = NULL;

      _exit (!hawser_store_open (second, fixture->path, on_problem, fixture, &error) && g_error_matches (error, HAWSER_ERROR, HAWSER_ERROR_EXISTS) ? 0 : 1);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_true (WIFEXITED (status));
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
}

static void
survives_the_death_of_the_process (Fixture *fixture, gconstpointer make)
{
  int status;
  pid_t child;

  hawser_store_close (fixture->store);
  child = fork ();
  if (child == 0)
    {
      g_autoptr(HawserStore) store = fixture->make ();
      const HawserStoreOp ops[] = { queue_op (1, "one", ""), append_op (1, both_queues, 1, "kept") };

      if (!hawser_store_open (store, fixture->path, on_problem, fixture, NULL) || !hawser_store_apply (store, ops, 2, FALSE, NULL))
        _exit (1);
      _exit (0);
    }
  g_assert_cmpint (waitpid (child, &status, 0), ==, child);
  g_assert_cmpint (WEXITSTATUS (status), ==, 0);
  open_again (fixture);
  assert_reads (fixture, 1, 0, "1:kept ");
  g_assert_cmpuint (fixture->n_problems, ==, 0);
}

static void
closed_store_refuses (Fixture *fixture, gconstpointer make)
{
  const HawserStoreOp op = queue_op (1, "one", "");
  g_autoptr(GError) error = NULL;

  hawser_store_close (fixture->store);
  hawser_store_close (fixture->store);
  g_assert_false (hawser_store_apply (fixture->store, &op, 1, TRUE, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_CLOSED);
}

static void
housekeeping_ends_and_changes_nothing (Fixture *fixture, gconstpointer make)
{
  g_autoptr(GError) error = NULL;

  append_three (fixture);
  while (hawser_store_maintain (fixture->store, &error))
    ;
  g_assert_no_error (error);
  assert_reads (fixture, 2, 0, "6:bb 8:ccc ");
}

#define FACT(function) { #function, function }

static const struct {
  const char *name;
  void (*run) (Fixture *, gconstpointer);
} facts[] = {
  FACT (is_empty_when_new),
  FACT (keeps_queues_over_restart),
  FACT (replaces_the_meta_of_a_known_queue),
  FACT (keeps_messages_in_order_over_restart),
  FACT (reads_from_a_position_on),
  FACT (shared_message_stays_until_the_last_ack),
  FACT (ack_of_a_range_leaves_other_queues_alone),
  FACT (ack_of_what_is_not_there_does_nothing),
  FACT (removed_queue_takes_its_messages_along),
  FACT (last_position_survives_an_emptied_queue),
  FACT (keeps_values_by_space_and_key),
  FACT (value_is_put_if_its_revision_is_the_expected),
  FACT (stale_writer_is_refused),
  FACT (nothing_is_changed_with_a_stale_value),
  FACT (value_is_deleted_if_its_revision_is_the_expected),
  FACT (value_without_a_revision_fits_any_condition),
  FACT (one_value_is_read_by_its_key),
  FACT (space_is_cleared_and_no_other),
  FACT (every_value_of_a_large_space_is_read_once),
  FACT (applies_all_or_nothing),
  FACT (keeps_messages_of_any_size),
  FACT (without_sync_survives_close),
  FACT (second_open_is_refused),
  FACT (open_in_another_process_is_refused),
  FACT (survives_the_death_of_the_process),
  FACT (closed_store_refuses),
  FACT (housekeeping_ends_and_changes_nothing),
};

void
contract_store_add (const char *name, HawserStore *(*make) (void))
{
  for (guint i = 0; i < G_N_ELEMENTS (facts); i++)
    {
      g_autofree char *path = g_strdup_printf ("/store/%s/%s", name, facts[i].name);

      g_test_add (g_strdelimit (path, "_", '-'), Fixture, make, set_up, facts[i].run, tear_down);
    }
}
