/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Runs one fuzz target without a fuzzer: over its corpus, then over pseudo-random mutations of it. The same inputs each time,
 * so that a failure repeats; a run depends on the seed and its own number only, so that it repeats alone.
 *
 * HAWSER_FUZZ_RUNS    mutations (20000)
 * HAWSER_FUZZ_SEED    another sequence (1)
 * HAWSER_FUZZ_RUN     only this one; HAWSER_FUZZ_DUMP=FILE writes its input there
 *
 * A crash prints the line that repeats it. */

#include <glib.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_SIZE 8192 /* of a mutation: room for every bound that a small seed can be grown over */

int LLVMFuzzerTestOneInput (const guint8 *data, gsize size);

/* There when a sanitizer is. */
extern void __sanitizer_set_death_callback (void (*callback) (void)) __attribute__ ((weak));

static GPtrArray *corpus; /* of GBytes */
static guint64 seed = 1;
static char hint[256];

static void
print_hint (void)
{
  gsize len = strlen (hint);

  if (write (STDERR_FILENO, hint, len) != (gssize) len)
    return;
}

static void
on_crash (int number)
{
  print_hint ();
  signal (number, SIG_DFL);
  raise (number);
}

static void
watch_crashes (void)
{
  signal (SIGABRT, on_crash);
  if (__sanitizer_set_death_callback != NULL)
    __sanitizer_set_death_callback (print_hint);
  else
    signal (SIGSEGV, on_crash);
}

static guint64
get_number (const char *name, guint64 otherwise)
{
  const char *text = g_getenv (name);

  return text != NULL ? g_ascii_strtoull (text, NULL, 10) : otherwise;
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char *const *) a, *(const char *const *) b);
}

/* In the order of the names: the folder's own differs from machine to machine. */
static void
load_corpus (const char *path)
{
  static const char *const builtin[] = { "", "\n", "0", "aaaaaaaaaaaaaaaa", "/", "{}" };
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  const char *name;

  corpus = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  for (guint i = 0; i < G_N_ELEMENTS (builtin); i++)
    g_ptr_array_add (corpus, g_bytes_new_static (builtin[i], strlen (builtin[i])));
  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    g_ptr_array_add (names, g_build_filename (path, name, NULL));
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++)
    {
      g_autoptr (GError) error = NULL;
      char *data;
      gsize len;

      if (!g_file_get_contents (g_ptr_array_index (names, i), &data, &len, &error))
        g_error ("%s", error->message);
      g_ptr_array_add (corpus, g_bytes_new_take (data, len));
    }
}

/* In memory of exactly this size: the sanitizers see one byte too many. */
static void
run_one (gconstpointer data, gsize len)
{
  guint8 *copy = g_malloc (MAX (len, 1));

  if (len > 0)
    memcpy (copy, data, len);
  LLVMFuzzerTestOneInput (copy, len);
  g_free (copy);
}

static gsize
random_position (GRand *rand, gsize len)
{
  return len > 0 ? (gsize) g_rand_int_range (rand, 0, (gint) len) : 0;
}

static void
insert (GByteArray *input, gsize position, const guint8 *data, gsize len)
{
  gsize old_len = input->len;

  if (len == 0 || old_len + len > MAX_SIZE)
    return;
  g_byte_array_set_size (input, (guint) (old_len + len));
  memmove (input->data + position + len, input->data + position, old_len - position);
  memcpy (input->data + position, data, len);
}

static void
mutate (GRand *rand, GByteArray *input)
{
  static const guint8 bytes[] = { 0, 1, 4, 0x7f, 0x80, 0xfe, 0xff, '"', '\\', '/', '{', '[', ']', '}', ',', ':', '+', '#', '$', '%', '\n', '\r', ' ', '0' };
  gsize position = random_position (rand, input->len);
  gsize wanted = random_position (rand, 16) + 1, len = MIN (wanted, input->len - position);
  GBytes *other = g_ptr_array_index (corpus, random_position (rand, corpus->len));
  guint8 chunk[64];

  switch (g_rand_int_range (rand, 0, 8))
    {
    case 0: /* a bit */
      if (input->len > 0)
        input->data[position] ^= (guint8) (1 << g_rand_int_range (rand, 0, 8));
      break;
    case 1: /* a byte that matters */
      if (input->len > 0)
        input->data[position] = bytes[random_position (rand, sizeof bytes)];
      break;
    case 2: /* any byte */
      if (input->len > 0)
        input->data[position] = (guint8) g_rand_int (rand);
      break;
    case 3: /* gone */
      if (len > 0)
        g_byte_array_remove_range (input, (guint) position, (guint) len);
      break;
    case 4: /* said again, many times */
      if (len > 0)
        memcpy (chunk, input->data + position, len);
      for (gint n = 1 << g_rand_int_range (rand, 0, 8); n > 0; n--)
        insert (input, position, chunk, len);
      break;
    case 5: /* bytes that matter, among others */
      chunk[0] = bytes[random_position (rand, sizeof bytes)];
      chunk[1] = bytes[random_position (rand, sizeof bytes)];
      insert (input, position, chunk, 2);
      break;
    case 6: /* cut */
      if (g_rand_int_range (rand, 0, 4) == 0)
        g_byte_array_set_size (input, (guint) position);
      break;
    default: /* a piece of another */
      {
        gsize other_len;
        const guint8 *data = g_bytes_get_data (other, &other_len);
        gsize from = random_position (rand, other_len);

        wanted = random_position (rand, 64) + 1;
        insert (input, position, data + from, MIN (wanted, other_len - from));
      }
    }
}

static void
run_mutation (guint64 run)
{
  const guint32 key[] = { (guint32) seed, (guint32) (seed >> 32), (guint32) run, (guint32) (run >> 32) };
  g_autoptr (GRand) rand = g_rand_new_with_seed_array (key, G_N_ELEMENTS (key));
  g_autoptr (GByteArray) input = g_byte_array_new ();
  GBytes *from = g_ptr_array_index (corpus, random_position (rand, corpus->len));
  const char *dump = g_getenv ("HAWSER_FUZZ_DUMP");

  g_snprintf (hint, sizeof hint, "\nrepeat with HAWSER_FUZZ_SEED=%" G_GUINT64_FORMAT " HAWSER_FUZZ_RUN=%" G_GUINT64_FORMAT "\n", seed, run);
  g_byte_array_append (input, g_bytes_get_data (from, NULL), (guint) g_bytes_get_size (from));
  for (gint n = g_rand_int_range (rand, 1, 9); n > 0; n--)
    mutate (rand, input);
  if (dump != NULL)
    g_file_set_contents (dump, (const char *) input->data, (gssize) input->len, NULL);
  run_one (input->data, input->len);
}

static void
test_corpus (void)
{
  for (guint i = 0; i < corpus->len; i++)
    {
      GBytes *input = g_ptr_array_index (corpus, i);

      g_snprintf (hint, sizeof hint, "\nfile %u of the corpus\n", i);
      run_one (g_bytes_get_data (input, NULL), g_bytes_get_size (input));
    }
}

static void
test_mutations (void)
{
  guint64 n_runs = get_number ("HAWSER_FUZZ_RUNS", 20000);

  seed = get_number ("HAWSER_FUZZ_SEED", 1);
  if (g_getenv ("HAWSER_FUZZ_RUN") != NULL)
    {
      run_mutation (get_number ("HAWSER_FUZZ_RUN", 0));
      return;
    }
  for (guint64 run = 0; run < n_runs; run++)
    run_mutation (run);
  g_test_message ("%" G_GUINT64_FORMAT " mutations of %u inputs, seed %" G_GUINT64_FORMAT, n_runs, corpus->len, seed);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  load_corpus (HAWSER_FUZZ_CORPUS);
  watch_crashes ();
  g_test_add_func ("/fuzz/" HAWSER_FUZZ_NAME "/the-corpus-is-survived", test_corpus);
  g_test_add_func ("/fuzz/" HAWSER_FUZZ_NAME "/mutations-are-survived", test_mutations);
  return g_test_run ();
}
