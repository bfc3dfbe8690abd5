/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* When a file of the file sink is full, with a clock of the test's own. */

#include "file-rotation.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SECOND ((gint64) G_USEC_PER_SEC)

typedef struct {
  FileRotation rotation;
  HawserMessage *message;
  char *dir, *path;
  gint64 now_us;
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("in/a");
  g_autoptr (GError) error = NULL;

  hawser_message_builder_add_property (builder, "time", "2026-11-21T03:11:08Z");
  f->message = hawser_message_builder_build (builder);
  f->dir = g_dir_make_tmp ("hawser-rotation-XXXXXX", NULL);
  f->path = g_build_filename (f->dir, "log", NULL);
  f->now_us = 1000 * SECOND;
  file_rotation_init (&f->rotation, "{path}.{sequence}", &error);
  g_assert_no_error (error);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  g_autoptr (GDir) dir = g_dir_open (f->dir, 0, NULL);
  const char *name;

  while ((name = g_dir_read_name (dir)) != NULL)
    {
      g_autofree char *path = g_build_filename (f->dir, name, NULL);

      g_assert_cmpint (g_unlink (path), ==, 0);
    }
  g_assert_cmpint (g_rmdir (f->dir), ==, 0);
  file_rotation_clear (&f->rotation);
  hawser_message_unref (f->message);
  g_free (f->dir);
  g_free (f->path);
}

/* Writes lines as the sink does, file after file. */
static void
put (Fixture *f, const char *lines)
{
  while (*lines != '\0')
    {
      g_autoptr (GError) error = NULL;
      FilePart part;
      int fd = file_rotation_begin (&f->rotation, f->path, f->message, lines, f->now_us, &part, &error);

      g_assert_no_error (error);
      g_assert_cmpint (write (fd, lines, part.len), ==, part.len);
      file_rotation_end (&f->rotation, &part);
      lines += part.len;
    }
}

static void
assert_file (Fixture *f, const char *suffix, const char *expected)
{
  g_autofree char *path = g_strconcat (f->path, suffix, NULL);
  g_autofree char *text = NULL;

  g_file_get_contents (path, &text, NULL, NULL);
  g_assert_cmpstr (text, ==, expected);
}

static void
test_count (Fixture *f, gconstpointer data)
{
  f->rotation.max_count = 2;
  put (f, "1\n2\n3\n4\n5\n");
  assert_file (f, ".00000001", "1\n2\n");
  assert_file (f, ".00000002", "3\n4\n");
  assert_file (f, "", "5\n");
}

static void
test_count_after_restart (Fixture *f, gconstpointer data)
{
  f->rotation.max_count = 3;
  put (f, "1\n2\n");
  file_rotation_close (&f->rotation);
  put (f, "3\n4\n");
  assert_file (f, ".00000001", "1\n2\n3\n");
  assert_file (f, "", "4\n");
}

static void
test_size (Fixture *f, gconstpointer data)
{
  f->rotation.max_size = 6;
  put (f, "aa\nbb\nc\nlonger than all\nd\n");
  assert_file (f, ".00000001", "aa\nbb\n");
  assert_file (f, ".00000002", "c\n");
  assert_file (f, ".00000003", "longer than all\n");
  assert_file (f, "", "d\n");
}

static void
test_age (Fixture *f, gconstpointer data)
{
  f->rotation.max_age_us = 3600 * SECOND;
  put (f, "1\n");
  f->now_us += 3500 * SECOND;
  put (f, "2\n");
  assert_file (f, ".00000001", NULL);
  f->now_us += 100 * SECOND;
  put (f, "3\n");
  assert_file (f, ".00000001", "1\n2\n");
  assert_file (f, "", "3\n");
}

/* The file is as old as it is: a restart does not begin its age anew. */
static void
test_age_after_restart (Fixture *f, gconstpointer data)
{
  gint64 until_us = g_get_monotonic_time () + 2000;

  f->rotation.max_age_us = 3600 * SECOND;
  put (f, "1\n");
  file_rotation_close (&f->rotation);
  while (g_get_monotonic_time () < until_us)
    g_thread_yield ();
  f->rotation.max_age_us = 2000;
  put (f, "2\n");
  assert_file (f, ".00000001", "1\n");
  assert_file (f, "", "2\n");
}

static void
test_numbers_go_up (Fixture *f, gconstpointer data)
{
  g_autofree char *taken = g_strconcat (f->path, ".00000041", NULL);
  g_autofree char *other = g_strconcat (f->path, ".99.gz", NULL);

  g_assert_true (g_file_set_contents (taken, "kept\n", -1, NULL));
  g_assert_true (g_file_set_contents (other, "kept\n", -1, NULL));
  f->rotation.max_count = 1;
  put (f, "1\n2\n");
  assert_file (f, ".00000041", "kept\n");
  assert_file (f, ".00000042", "1\n");
}

static void
test_moved (Fixture *f, gconstpointer data)
{
  g_autofree char *moved = g_strconcat (f->path, ".moved", NULL);

  put (f, "1\n");
  g_assert_cmpint (g_rename (f->path, moved), ==, 0);
  put (f, "2\n");
  assert_file (f, ".moved", "1\n");
  assert_file (f, "", "2\n");
}

static void
test_emptied (Fixture *f, gconstpointer data)
{
  f->rotation.max_count = 3;
  put (f, "1\n2\n");
  g_assert_cmpint (truncate (f->path, 0), ==, 0);
  put (f, "3\n4\n5\n");
  assert_file (f, "", "3\n4\n5\n");
}

static void
test_two_writers (Fixture *f, gconstpointer data)
{
  Fixture other = *f;

  other.rotation = (FileRotation) { .fd = -1 };
  g_assert_true (file_rotation_init (&other.rotation, "{path}.{sequence}", NULL));
  f->rotation.max_count = other.rotation.max_count = 4;
  for (guint i = 0; i < 6; i++)
    put (i % 2 == 0 ? f : &other, "x\ny\n");
  assert_file (f, ".00000001", "x\ny\nx\ny\n");
  assert_file (f, ".00000002", "x\ny\nx\ny\n");
  assert_file (f, "", "x\ny\nx\ny\n");
  file_rotation_clear (&other.rotation);
}

static void
test_fields (Fixture *f, gconstpointer data)
{
  g_autofree char *to = g_strconcat (f->dir, "/{topic}-{yyyy}{MM}{dd}-{sequence}.ndjson", NULL);
  g_autofree char *path = g_build_filename (f->dir, "in%2Fa-20261121-00000001.ndjson", NULL);

  g_assert_true (file_rotation_init (&f->rotation, to, NULL));
  f->rotation.max_count = 1;
  put (f, "1\n2\n");
  g_assert_true (g_file_test (path, G_FILE_TEST_IS_REGULAR));
}

static void
test_wrong_templates (Fixture *f, gconstpointer data)
{
  static const char * const wrong[] = { "", "{path}", "{path}.{sequence}.{sequence}", "{sequence}/{path}", "{path}.{sequence}.{what}" };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (file_rotation_init (&f->rotation, wrong[i], &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
    }
}

#define ADD(path, func) g_test_add ("/file/rotation/" path, Fixture, NULL, set_up, func, tear_down)

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  ADD ("file-has-no-more-lines-than-its-count", test_count);
  ADD ("lines-from-before-a-restart-count", test_count_after_restart);
  ADD ("file-is-no-larger-than-its-size-but-for-one-line", test_size);
  ADD ("line-after-the-age-begins-a-file", test_age);
  ADD ("age-goes-on-over-a-restart", test_age_after_restart);
  ADD ("numbers-go-up-and-nothing-is-replaced", test_numbers_go_up);
  ADD ("nothing-is-written-to-a-file-that-was-moved", test_moved);
  ADD ("file-that-was-emptied-counts-from-zero", test_emptied);
  ADD ("two-writers-fill-files-together", test_two_writers);
  ADD ("name-has-fields-of-the-message-that-follows", test_fields);
  ADD ("template-without-one-sequence-is-refused", test_wrong_templates);
  return g_test_run ();
}
