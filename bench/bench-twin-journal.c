/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How long a twin of 100,000 events takes to come back: all of them after its snapshot, and with a snapshot each hundred.
 *
 * bench-twin-journal [EVENTS] */

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <glib/gstdio.h>
#include <hawser/hawser.h>

#include "store-sqlite.h"

#define TALLY_TYPE (tally_get_type ())
G_DECLARE_FINAL_TYPE (Tally, tally, TALLY, BEHAVIOR, GObject)

/* A meter: each event is a reading, the state its sum and the last one. */
struct _Tally {
  GObject parent_instance;
};

static GVariant *
handle (HawserTwinBehavior *self, const char *id, GVariant *state, HawserMessage *message, HawserBatch *out, GError **error)
{
  g_autofree char *text = hawser_message_dup_text (message);
  GVariantBuilder events;

  g_variant_builder_init (&events, G_VARIANT_TYPE ("av"));
  for (guint i = 0; i < 100; i++)
    g_variant_builder_add (&events, "v", g_variant_new ("(xs)", (gint64) i, text));
  return g_variant_new_parsed ("{'events': <%@av>}", g_variant_builder_end (&events));
}

static GVariant *
apply_event (HawserTwinBehavior *self, const char *id, GVariant *state, GVariant *event, GError **error)
{
  g_autoptr (GVariant) attributes = g_variant_lookup_value (state, "attributes", G_VARIANT_TYPE_VARDICT);
  GVariantBuilder changes, document;
  const char *reader;
  gint64 sum = 0, amount;

  g_variant_get (event, "(x&s)", &amount, &reader);
  g_variant_lookup (attributes, "sum", "x", &sum);
  g_variant_builder_init (&document, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&document, "{sv}", "sum", g_variant_new_int64 (sum + amount));
  g_variant_builder_add (&document, "{sv}", "reader", g_variant_new_string (reader));
  g_variant_builder_init (&changes, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add (&changes, "{sv}", "attributes", g_variant_builder_end (&document));
  return g_variant_builder_end (&changes);
}

static void
behavior_iface_init (HawserTwinBehaviorInterface *iface)
{
  iface->handle = handle;
  iface->apply_event = apply_event;
}

G_DEFINE_FINAL_TYPE_WITH_CODE (Tally, tally, G_TYPE_OBJECT, G_IMPLEMENT_INTERFACE (HAWSER_TYPE_TWIN_BEHAVIOR, behavior_iface_init))

static void
tally_class_init (TallyClass *klass)
{
}

static void
tally_init (Tally *self)
{
}

typedef struct {
  HawserBus *bus;
  HawserSpool *spool;
} Life;

static double
cpu_s (void)
{
  struct rusage usage;

  getrusage (RUSAGE_SELF, &usage);
  return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / G_USEC_PER_SEC;
}

/* Seconds of recovering: of the wall and of all threads of the process. */
static double
begin_life (Life *life, const char *path, guint snapshot_every, double *out_cpu_s)
{
  static const char *const topics[] = { "meter/{name}", NULL };
  g_autoptr (HawserStore) store = g_object_new (STORE_TYPE_SQLITE, NULL);
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new ("meter");
  g_autoptr (Tally) tally = g_object_new (TALLY_TYPE, NULL);
  g_autoptr (GError) error = NULL;
  gint64 began_us;
  double took_s;

  life->bus = hawser_bus_new ();
  life->spool = hawser_spool_new (store, path, HAWSER_SPOOL_SYNC_NEVER, 0, &error);
  g_object_set (family, "topics", topics, "id", "meter/{name}", "snapshot-every", snapshot_every, NULL);
  if (life->spool == NULL || !hawser_bus_set_spool (life->bus, life->spool, &error) || !hawser_twins_add_family (hawser_twins_get (life->bus), family, &error) ||
      !hawser_twin_host_set_behavior (hawser_twin_host_get (life->bus), "meter", HAWSER_TWIN_BEHAVIOR (tally), &error))
    g_error ("%s", error->message);
  began_us = g_get_monotonic_time ();
  *out_cpu_s = cpu_s ();
  if (!hawser_twin_host_recover (hawser_twin_host_get (life->bus), &error))
    g_error ("%s", error->message);
  took_s = (double) (g_get_monotonic_time () - began_us) / G_USEC_PER_SEC;
  *out_cpu_s = cpu_s () - *out_cpu_s;
  return took_s;
}

static void
on_flushed (GObject *source, GAsyncResult *result, gpointer data)
{
  *(gboolean *) data = TRUE;
}

static char *
end_life (Life *life)
{
  char *twin = hawser_twins_dup_json (hawser_twins_get (life->bus), "meter/x", NULL);
  gboolean is_done = FALSE;

  while (g_main_context_iteration (NULL, FALSE))
    ;
  hawser_spool_flush_async (life->spool, NULL, on_flushed, &is_done);
  while (!is_done)
    g_main_context_iteration (NULL, TRUE);
  hawser_bus_close (life->bus);
  hawser_spool_close (life->spool, G_USEC_PER_SEC);
  g_object_unref (life->spool);
  g_object_unref (life->bus);
  return twin;
}

static void
measure (const char *path, guint n, guint snapshot_every)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text ("meter/x", "reader of the first floor");
  g_autofree char *before = NULL, *after = NULL;
  gint64 began_us;
  double wrote_s, took_s, took_cpu_s;
  Life life;

  begin_life (&life, path, snapshot_every, &took_cpu_s);
  began_us = g_get_monotonic_time ();
  for (guint i = 0; i < n; i += 100)
    {
      hawser_bus_publish (life.bus, message, NULL);
      while (g_main_context_iteration (NULL, FALSE))
        ;
    }
  wrote_s = (double) (g_get_monotonic_time () - began_us) / G_USEC_PER_SEC;
  before = end_life (&life);
  took_s = begin_life (&life, path, snapshot_every, &took_cpu_s);
  after = end_life (&life);
  if (strstr (before, "\"sum\":") == NULL || strncmp (strstr (before, "\"sum\":"), strstr (after, "\"sum\":"), 16) != 0)
    g_error ("it came back as another: %s, %s", before, after);
  g_print ("%u events, snapshot %s: %.0f a second written, back in %.3f s, %.3f s of CPU   goal under 1 s%s\n", n, snapshot_every == 0 ? "never" : "each 100", n / wrote_s, took_s,
           took_cpu_s, took_cpu_s < 1 ? "" : "   MISSED");
}

int
main (int argc, char **argv)
{
  guint n = argc > 1 ? (guint) MAX (atoi (argv[1]), 100) : 100000;

  for (guint i = 0; i < 2; i++)
    {
      g_autofree char *dir = g_dir_make_tmp ("hawser-journal-XXXXXX", NULL), *path = g_build_filename (dir, "spool.db", NULL);
      g_autoptr (GDir) open = NULL;
      const char *name;

      measure (path, n, i == 0 ? 0 : 100);
      open = g_dir_open (dir, 0, NULL);
      while ((name = g_dir_read_name (open)) != NULL)
        {
          g_autofree char *file = g_build_filename (dir, name, NULL);

          g_unlink (file);
        }
      g_rmdir (dir);
    }
  return 0;
}
