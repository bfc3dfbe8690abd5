/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Twins as their users see them: read, patched, listed, moved, counted together, told of. One bus with a manual clock. */

#include <string.h>

#include <json-glib/json-glib.h>

#include "hawser.h"

#define WALL_US (G_GINT64_CONSTANT (1790000000) * G_USEC_PER_SEC)

typedef struct {
  HawserClock *clock;
  HawserBus *bus;
  HawserTwins *twins;
  GPtrArray *events;         /* texts: CHANGE JSON */
} Fixture;

static void
set_up (Fixture *f, gconstpointer data)
{
  f->clock = hawser_clock_new_manual (G_USEC_PER_SEC, WALL_US);
  f->bus = hawser_bus_new_with_clock (f->clock);
  f->twins = hawser_twins_get (f->bus);
  f->events = g_ptr_array_new_with_free_func (g_free);
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  hawser_bus_close (f->bus);
  g_assert_finalize_object (f->bus);
  g_object_unref (f->clock);
  g_ptr_array_unref (f->events);
}

static void
turn (Fixture *f)
{
  while (g_main_context_iteration (NULL, FALSE))
    ;
}

/* In steps, as time passes. */
static void
wait_ms (Fixture *f, guint ms)
{
  for (guint step; ms > 0; ms -= step)
    {
      step = MIN (ms, 50);
      hawser_clock_advance (f->clock, step * 1000);
      turn (f);
    }
}

static void
add_family (Fixture *f, const char *name, const char *first, ...)
{
  HawserTwinFamily *family = hawser_twin_family_new (name);
  g_autoptr (GError) error = NULL;
  va_list args;

  va_start (args, first);
  if (first != NULL)
    g_object_set_valist (G_OBJECT (family), first, args);
  va_end (args);
  hawser_twins_add_family (f->twins, family, &error);
  g_assert_no_error (error);
  g_object_unref (family);
}

static const char * const topics[] = { "grid/{region}/{site}/telemetry", NULL };
static const char * const status_topics[] = { "grid/{region}/{site}/status", NULL };
static const char * const map[] = { "power-kw:/power", "soc:/soc", NULL };
static const char * const aggregate[] = { "sum:power-kw", "mean:soc", "min:soc", "max:soc", "count:online", NULL };

static void
add_grid (Fixture *f)
{
  add_family (f, "site", "topics", topics, "status-topics", status_topics, "id", "site/{region}/{site}", "parent", "region/{region}", "map", map,
              "aggregate", aggregate, "offline-after", 30 * (gint64) G_USEC_PER_SEC, "aggregate-interval", (gint64) 100000, "history", 100, NULL);
  add_family (f, "region", "id", "region/{region}", "parent", "fleet", NULL);
  add_family (f, "fleet", "single", TRUE, "title", "The fleet", NULL);
}

static void
publish (Fixture *f, const char *topic, const char *text)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);
  g_autoptr (GError) error = NULL;

  hawser_bus_publish (f->bus, message, &error);
  g_assert_no_error (error);
}

static void
publish_at (Fixture *f, const char *topic, const char *text, const char *time)
{
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new (topic);
  g_autoptr (HawserMessage) message = NULL;

  hawser_message_builder_set_text (builder, text);
  hawser_message_builder_add_property (builder, "time", time);
  message = hawser_message_builder_build (builder);
  g_assert_true (hawser_bus_publish (f->bus, message, NULL));
}

static JsonNode *
parse (const char *text)
{
  g_autoptr (GError) error = NULL;
  JsonNode *node = json_from_string (text, &error);

  g_assert_no_error (error);
  return node;
}

/* What a path like reported.soc.value of a document reads, as JSON; "-" when there is nothing. */
static char *
look (const char *text, const char *path)
{
  g_autoptr (JsonNode) root = parse (text);
  JsonNode *node = root;
  g_auto (GStrv) levels = g_strsplit (path, ".", -1);

  for (guint i = 0; levels[i] != NULL && node != NULL; i++)
    node = JSON_NODE_HOLDS_OBJECT (node) ? json_object_get_member (json_node_get_object (node), levels[i])
           : json_array_get_element (json_node_get_array (node), (guint) atoi (levels[i]));
  return node != NULL ? json_to_string (node, FALSE) : g_strdup ("-");
}

static char *
twin (Fixture *f, const char *id, const char *path)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *json = hawser_twins_dup_json (f->twins, id, &error);

  g_assert_no_error (error);
  return look (json, path);
}

static char *
total (Fixture *f, const char *id, const char *path)
{
  g_autoptr (GString) out = g_string_new (NULL);
  g_autoptr (GError) error = NULL;

  hawser_twins_write_aggregate (f->twins, id, out, &error);
  g_assert_no_error (error);
  return look (out->str, path);
}

#define assert_twin(id, path, expected) \
  G_STMT_START { \
    g_autofree char *found_ = twin (f, id, path); \
    g_assert_cmpstr (found_, ==, expected); \
  } G_STMT_END
#define assert_total(id, path, expected) \
  G_STMT_START { \
    g_autofree char *found_ = total (f, id, path); \
    g_assert_cmpstr (found_, ==, expected); \
  } G_STMT_END

static void
patch (Fixture *f, const char *id, const char *text)
{
  g_autoptr (GError) error = NULL;

  hawser_twins_patch (f->twins, id, text, -1, HAWSER_TWIN_ANY_REVISION, "/test", NULL, &error);
  g_assert_no_error (error);
}

static void
note (const char *id, HawserTwinChange change, guint64 revision, const char *json, gpointer data)
{
  Fixture *f = data;
  g_autofree char *name = g_flags_to_string (HAWSER_TYPE_TWIN_CHANGE, change);

  g_ptr_array_add (f->events, g_strdup_printf ("%s %s", id, json));
}

static void
watch (Fixture *f, HawserTwinChange changes)
{
  g_assert_cmpuint (hawser_twins_observe (f->twins, NULL, changes, note, f, NULL, NULL), >, 0);
}

/* ---- reading ---- */

static void
report_makes_the_twin_and_those_above (Fixture *f, gconstpointer data)
{
  add_grid (f);
  publish (f, "grid/north/s1/telemetry", "{\"power\": 12.5, \"soc\": 40, \"note\": \"x\"}");
  assert_twin ("site/north/s1", "id", "\"site/north/s1\"");
  assert_twin ("site/north/s1", "parent", "\"region/north\"");
  assert_twin ("site/north/s1", "state", "\"online\"");
  assert_twin ("site/north/s1", "reported.power-kw.value", "12.5");
  assert_twin ("site/north/s1", "reported.soc.value", "40");
  assert_twin ("site/north/s1", "reported.soc.source", "\"/process\"");
  assert_twin ("site/north/s1", "reported.soc.time", "\"2026-09-21T14:13:20.000000Z\"");
  assert_twin ("site/north/s1", "reported.note", "-");
  assert_twin ("region/north", "parent", "\"fleet\"");
  assert_twin ("fleet", "parent", "null");
}

static void
missing_twin_is_not_made_by_reading (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (hawser_twins_dup_json (f->twins, "nobody", &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND);
  g_assert_false (hawser_twins_contains (f->twins, "nobody"));
}

static void
other_topics_make_nothing (Fixture *f, gconstpointer data)
{
  add_grid (f);
  publish (f, "grid/north/s1/other", "{\"power\": 1}");
  publish (f, "grid/north/s1/telemetry/x", "{\"power\": 1}");
  publish (f, "grid/north/telemetry", "{\"power\": 1}");
  g_assert_cmpuint (hawser_twins_get_n_twins (f->twins), ==, 1);
}

static void
older_report_does_not_overwrite (Fixture *f, gconstpointer data)
{
  add_grid (f);
  publish_at (f, "grid/a/s/telemetry", "{\"power\": 2, \"soc\": 20}", "2026-09-21T14:00:02Z");
  publish_at (f, "grid/a/s/telemetry", "{\"power\": 1, \"soc\": 10}", "2026-09-21T14:00:01Z");
  assert_twin ("site/a/s", "reported.power-kw.value", "2");
  publish_at (f, "grid/a/s/telemetry", "{\"power\": 3}", "2026-09-21T14:00:04Z");
  publish_at (f, "grid/a/s/telemetry", "{\"power\": 4, \"soc\": 30}", "2026-09-21T14:00:03Z");
  assert_twin ("site/a/s", "reported.power-kw.value", "3");
  assert_twin ("site/a/s", "reported.soc.value", "30");
  assert_twin ("site/a/s", "reported.soc.time", "\"2026-09-21T14:00:03.000000Z\"");
}

static void
clock_far_ahead_is_marked_and_not_believed (Fixture *f, gconstpointer data)
{
  add_grid (f);
  publish_at (f, "grid/a/s/telemetry", "{\"power\": 2}", "2126-09-21T14:00:02Z");
  assert_twin ("site/a/s", "reported.power-kw.time", "\"2026-09-21T14:13:20.000000Z\"");
  assert_twin ("site/a/s", "reported.power-kw.value", "2");
  {
    g_autofree char *skew = twin (f, "site/a/s", "skew");

    g_assert_cmpfloat (g_ascii_strtod (skew, NULL), >, 3.1e9);
  }
  wait_ms (f, 1000);
  publish (f, "grid/a/s/telemetry", "{\"power\": 3}");
  assert_twin ("site/a/s", "reported.power-kw.value", "3");
  assert_twin ("site/a/s", "skew", "-");
}

static void
numbers_that_are_none_change_nothing (Fixture *f, gconstpointer data)
{
  static const char * const bad[] = { "{\"power\": 1e999}", "{\"power\": NaN}", "{\"power\": -Infinity}", "{\"power\": }", "{\"power\": 1", "power", "", "[1]", "{\"power\":1}x" };

  add_grid (f);
  publish (f, "grid/a/s/telemetry", "{\"power\": 7, \"soc\": 1}");
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    publish (f, "grid/a/s/telemetry", bad[i]);
  wait_ms (f, 200);
  assert_twin ("site/a/s", "reported.power-kw.value", "7");
  assert_total ("fleet", "aggregate.power-kw.sum", "7");
}

static void
senml_is_telemetry (Fixture *f, gconstpointer data)
{
  static const guint8 cbor[] = { 0x82, 0xa3, 0x21, 0x63, 's', '1', '/', 0x00, 0x65, 'p', 'o', 'w', 'e', 'r', 0x02, 0xfb, 0x40, 0x14, 0, 0, 0, 0, 0, 0,
                                 0xa2, 0x00, 0x63, 's', 'o', 'c', 0x02, 0x18, 0x32 };
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("grid/a/s/telemetry");
  g_autoptr (GBytes) bytes = g_bytes_new_static (cbor, sizeof cbor);
  g_autoptr (HawserMessage) message = NULL;

  add_grid (f);
  publish (f, "grid/a/s/telemetry", "[{\"bn\":\"urn:dev:s1/\",\"n\":\"power\",\"u\":\"kW\",\"v\":3.5},{\"n\":\"soc\",\"v\":44},{\"n\":\"other\",\"v\":1}]");
  assert_twin ("site/a/s", "reported.power-kw.value", "3.5");
  assert_twin ("site/a/s", "reported.soc.value", "44");
  assert_twin ("site/a/s", "reported.other", "-");
  wait_ms (f, 10);
  hawser_message_builder_set_payload (builder, bytes);
  hawser_message_builder_set_content_type (builder, "application/senml+cbor");
  message = hawser_message_builder_build (builder);
  g_assert_true (hawser_bus_publish (f->bus, message, NULL));
  assert_twin ("site/a/s", "reported.power-kw.value", "5");
  assert_twin ("site/a/s", "reported.soc.value", "50");
}

static void
without_a_map_every_member_is_taken (Fixture *f, gconstpointer data)
{
  static const char * const any[] = { "lab/{name}/#", NULL };

  add_family (f, "lab", "topics", any, "id", "lab/{name}", NULL);
  publish (f, "lab/x/deep/er", "{\"t\": 20.5, \"ok\": true, \"door\": \"open\", \"gps\": {\"lat\": 1}, \"big\": 12345678901234567890}");
  assert_twin ("lab/x", "reported.t.value", "20.5");
  assert_twin ("lab/x", "reported.ok.value", "true");
  assert_twin ("lab/x", "reported.door.value", "\"open\"");
  assert_twin ("lab/x", "reported.gps.value.lat", "1");
  publish (f, "lab/x", "{\"t\": \"hot\", \"door\": 3}");
  assert_twin ("lab/x", "reported.t.value", "\"hot\"");
  assert_twin ("lab/x", "reported.door.value", "3");
}

/* ---- writing ---- */

static void
patch_merges (Fixture *f, gconstpointer data)
{
  patch (f, "x/1", "{\"desired\":{\"mode\":\"eco\",\"limits\":{\"low\":1,\"high\":9}},\"attributes\":{\"place\":\"roof\"}}");
  patch (f, "x/1", "{\"desired\":{\"limits\":{\"low\":null,\"mid\":5}},\"attributes\":{\"place\":null,\"kind\":\"pv\"}}");
  assert_twin ("x/1", "desired.mode", "\"eco\"");
  assert_twin ("x/1", "desired.limits", "{\"high\":9,\"mid\":5}");
  assert_twin ("x/1", "attributes", "{\"kind\":\"pv\"}");
  assert_twin ("x/1", "revision", "2");
  assert_twin ("x/1", "metadata.desired.mode.source", "\"/test\"");
  assert_twin ("x/1", "metadata.desired.mode.revision", "1");
}

static void
patch_that_changes_nothing_is_no_event (Fixture *f, gconstpointer data)
{
  patch (f, "x/1", "{\"desired\":{\"mode\":\"eco\"}}");
  watch (f, HAWSER_TWIN_CHANGE_DESIRED);
  patch (f, "x/1", "{\"desired\":{\"mode\":\"eco\",\"none\":null}}");
  turn (f);
  g_assert_cmpuint (f->events->len, ==, 0);
  assert_twin ("x/1", "revision", "1");
}

static void
patch_is_all_or_nothing (Fixture *f, gconstpointer data)
{
  static const struct {
    const char *text;
    HawserError code;
  } bad[] = {
    { "{\"desired\":{\"a\":1},\"parent\":\"x/1\"}", HAWSER_ERROR_INVALID },
    { "{\"desired\":{\"a\":1},\"parent\":\"a+b\"}", HAWSER_ERROR_INVALID },
    { "{\"desired\":{\"a\":1},\"parent\":7}", HAWSER_ERROR_INVALID },
    { "{\"desired\":{\"a\":1},\"other\":7}", HAWSER_ERROR_INVALID },
    { "{\"desired\":{\"a\":1},\"reported\":{\"p\":1e999}}", HAWSER_ERROR_INVALID },
    { "{\"desired\":{\"a\":1}", HAWSER_ERROR_MALFORMED },
    { "[]", HAWSER_ERROR_INVALID },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_false (hawser_twins_patch (f->twins, "x/1", bad[i].text, -1, HAWSER_TWIN_ANY_REVISION, NULL, NULL, &error));
      g_assert_error (error, HAWSER_ERROR, (int) bad[i].code);
      g_assert_false (hawser_twins_contains (f->twins, "x/1"));
    }
}

static void
revision_is_a_condition (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  guint64 revision = 0;

  g_assert_true (hawser_twins_patch (f->twins, "x/1", "{\"desired\":{\"a\":1}}", -1, 0, NULL, &revision, NULL));
  g_assert_cmpuint (revision, ==, 1);
  g_assert_false (hawser_twins_patch (f->twins, "x/1", "{\"desired\":{\"a\":2}}", -1, 0, NULL, NULL, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_CONFLICT);
  g_assert_true (hawser_twins_patch (f->twins, "x/1", "{\"desired\":{\"a\":2}}", -1, 1, NULL, &revision, NULL));
  g_assert_cmpuint (revision, ==, 2);
}

static void
circles_and_depth_are_refused (Fixture *f, gconstpointer data)
{
  g_autoptr (GError) error = NULL;
  gboolean was_refused = FALSE;

  patch (f, "a", "{\"parent\":\"b\"}");
  patch (f, "b", "{\"parent\":\"c\"}");
  g_assert_false (hawser_twins_set_parent (f->twins, "c", "a", &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
  assert_twin ("c", "parent", "null");
  for (guint i = 0; i < 100000 && !was_refused; i++)
    {
      g_autofree char *id = g_strdup_printf ("deep/%u", i), *above = g_strdup_printf ("deep/%u", i + 1), *text = g_strdup_printf ("{\"parent\":\"%s\"}", above);

      was_refused = !hawser_twins_patch (f->twins, id, text, -1, HAWSER_TWIN_ANY_REVISION, NULL, NULL, NULL);
      g_assert_cmpuint (i, <, 40);
    }
  g_assert_true (was_refused);
}

/* ---- connectivity ---- */

static void
silence_is_offline_within_the_bound (Fixture *f, gconstpointer data)
{
  add_grid (f);
  publish (f, "grid/a/s/telemetry", "{\"power\": 5, \"soc\": 1}");
  wait_ms (f, 29900);
  assert_twin ("site/a/s", "state", "\"online\"");
  watch (f, HAWSER_TWIN_CHANGE_STATE);
  wait_ms (f, 400);
  assert_twin ("site/a/s", "state", "\"offline\"");
  assert_total ("fleet", "aggregate.power-kw.sum", "0");
  assert_total ("fleet", "aggregate.soc.mean", "null");
  assert_total ("fleet", "aggregate.count.online", "0");
  assert_total ("fleet", "stale", "true");
  assert_total ("fleet", "missing", "1");
  g_assert_cmpuint (f->events->len, ==, 3); /* the site, its region, the fleet */
  g_assert_nonnull (strstr (f->events->pdata[0], "\"previous\":\"online\",\"reason\":\"silence\""));
  publish (f, "grid/a/s/telemetry", "{\"power\": 5, \"soc\": 1}");
  wait_ms (f, 150);
  assert_twin ("site/a/s", "state", "\"online\"");
  assert_total ("fleet", "aggregate.power-kw.sum", "5");
  assert_total ("fleet", "stale", "false");
}

static void
stale_comes_before_offline (Fixture *f, gconstpointer data)
{
  static const char * const any[] = { "lab/{name}", NULL };

  add_family (f, "lab", "topics", any, "id", "lab/{name}", "stale-after", (gint64) 2 * G_USEC_PER_SEC, "offline-after", (gint64) 200 * G_USEC_PER_SEC, NULL);
  publish (f, "lab/x", "{\"t\": 1}");
  wait_ms (f, 1900);
  assert_twin ("lab/x", "state", "\"online\"");
  wait_ms (f, 400);
  assert_twin ("lab/x", "state", "\"stale\"");
  for (guint i = 0; i < 197; i++)
    wait_ms (f, 1000);
  assert_twin ("lab/x", "state", "\"stale\"");
  wait_ms (f, 1100);
  assert_twin ("lab/x", "state", "\"offline\"");
}

static void
a_will_is_offline (Fixture *f, gconstpointer data)
{
  add_grid (f);
  publish (f, "grid/a/s/telemetry", "{\"power\": 5}");
  publish (f, "grid/a/s/status", "offline");
  assert_twin ("site/a/s", "state", "\"offline\"");
  publish (f, "grid/a/s/status", "{\"status\":\"online\"}");
  assert_twin ("site/a/s", "state", "\"online\"");
}

/* ---- sums ---- */

static void
sums_follow_moves_and_removal (Fixture *f, gconstpointer data)
{
  add_grid (f);
  publish (f, "grid/a/s1/telemetry", "{\"power\": 1, \"soc\": 10}");
  publish (f, "grid/a/s2/telemetry", "{\"power\": 2, \"soc\": 30}");
  publish (f, "grid/b/s3/telemetry", "{\"power\": 4, \"soc\": 50}");
  wait_ms (f, 150);
  assert_total ("region/a", "aggregate.power-kw.sum", "3");
  assert_total ("region/a", "aggregate.soc", "{\"mean\":20,\"min\":10,\"max\":30}");
  assert_total ("fleet", "aggregate.power-kw.sum", "7");
  assert_total ("fleet", "aggregate.count.online", "3");
  patch (f, "site/a/s2", "{\"parent\":\"region/b\"}");
  wait_ms (f, 150);
  assert_total ("region/a", "aggregate.power-kw.sum", "1");
  assert_total ("region/b", "aggregate.power-kw.sum", "6");
  assert_total ("fleet", "aggregate.power-kw.sum", "7");
  g_assert_true (hawser_twins_remove (f->twins, "site/b/s3", HAWSER_TWIN_ANY_REVISION, NULL));
  wait_ms (f, 150);
  assert_total ("region/b", "aggregate.soc.max", "30");
  assert_total ("fleet", "aggregate.power-kw.sum", "3");
}

/* ---- events ---- */

static void
one_change_is_one_event (Fixture *f, gconstpointer data)
{
  watch (f, HAWSER_TWIN_CHANGE_DESIRED | HAWSER_TWIN_CHANGE_REPORTED | HAWSER_TWIN_CHANGE_ATTRIBUTES | HAWSER_TWIN_CHANGE_PARENT);
  patch (f, "x/1", "{\"desired\":{\"a\":1},\"reported\":{\"b\":2,\"c\":\"d\"},\"attributes\":{\"e\":true},\"parent\":\"y\"}");
  g_assert_cmpuint (f->events->len, ==, 0); /* at the end of the turn */
  turn (f);
  g_assert_cmpuint (f->events->len, ==, 1);
  g_assert_cmpstr (f->events->pdata[0], ==, "x/1 {\"id\":\"x/1\",\"revision\":1,\"time\":\"2026-09-21T14:13:20.000000Z\",\"parent\":\"y\",\"reported\":{\"b\":2,\"c\":\"d\"},"
                   "\"desired\":{\"a\":1},\"attributes\":{\"e\":true}}");
}

static void
count_message (HawserMessage *message, gpointer data)
{
  g_autofree char *text = hawser_message_dup_text (message);

  g_ptr_array_add (data, g_strconcat (hawser_message_get_topic (message), " ", text, NULL));
}

static void
events_are_on_the_bus (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserSubscription) subscription = NULL;

  add_grid (f);
  subscription = hawser_bus_subscribe (f->bus, "$twin/changed/site/#", count_message, f->events, NULL, NULL);
  publish (f, "grid/a/s/telemetry", "{\"power\": 5}");
  publish (f, "grid/a/s/telemetry", "{\"power\": 5}");
  publish (f, "grid/a/s/telemetry", "{\"power\": 6}");
  turn (f);
  g_assert_cmpuint (f->events->len, ==, 3);
  g_assert_cmpstr (f->events->pdata[2], ==, "$twin/changed/site/a/s {\"id\":\"site/a/s\",\"revision\":2,\"time\":\"2026-09-21T14:13:20.000000Z\",\"reported\":{\"power-kw\":6}}");
  hawser_bus_unsubscribe (f->bus, subscription);
}

static void
delta_is_what_is_not_reported (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserSubscription) subscription = hawser_bus_subscribe (f->bus, "$twin/delta/x/1", count_message, f->events, NULL, NULL);

  patch (f, "x/1", "{\"reported\":{\"mode\":\"eco\",\"limit\":5}}");
  patch (f, "x/1", "{\"desired\":{\"mode\":\"eco\",\"limit\":7}}");
  turn (f);
  g_assert_cmpuint (f->events->len, ==, 1);
  g_assert_nonnull (strstr (f->events->pdata[0], "\"desired\":{\"limit\":7}"));
  patch (f, "x/1", "{\"reported\":{\"limit\":7}}");
  turn (f);
  g_assert_cmpstr (f->events->pdata[1], ==, "$twin/delta/x/1 ");
  hawser_bus_unsubscribe (f->bus, subscription);
}

/* ---- lists ---- */

static char *
list (Fixture *f, const char *parent, const char *query, const char *sort, guint limit)
{
  g_autoptr (GString) ids = g_string_new (NULL);
  g_autofree char *cursor = NULL;

  do
    {
      g_autoptr (GString) out = g_string_new (NULL);
      g_autoptr (GError) error = NULL;
      g_autoptr (JsonNode) root = NULL;
      JsonArray *items;

      hawser_twins_write_list (f->twins, parent, query, sort, cursor, limit, out, &error);
      g_assert_no_error (error);
      root = parse (out->str);
      items = json_object_get_array_member (json_node_get_object (root), "items");
      g_assert_cmpuint (json_array_get_length (items), <=, limit);
      for (guint i = 0; i < json_array_get_length (items); i++)
        g_string_append_printf (ids, "%s ", json_object_get_string_member (json_array_get_object_element (items, i), "id"));
      g_free (cursor);
      cursor = g_strdup (json_object_get_string_member_with_default (json_node_get_object (root), "next", NULL));
    }
  while (cursor != NULL);
  return g_string_free (g_steal_pointer (&ids), FALSE);
}

#define assert_list(parent, query, sort, limit, expected) \
  G_STMT_START { \
    g_autofree char *found_ = list (f, parent, query, sort, limit); \
    g_assert_cmpstr (found_, ==, expected); \
  } G_STMT_END

static void
queries_select (Fixture *f, gconstpointer data)
{
  patch (f, "t/1", "{\"reported\":{\"p\":1,\"mode\":\"on\"},\"attributes\":{\"where\":{\"city\":\"Ulm\"}},\"parent\":\"top\"}");
  patch (f, "t/2", "{\"reported\":{\"p\":2,\"mode\":\"off\"},\"attributes\":{\"where\":{\"city\":\"Bonn\"}},\"parent\":\"top\"}");
  patch (f, "t/3", "{\"reported\":{\"p\":3},\"desired\":{\"p\":4},\"parent\":\"top\"}");
  assert_list (NULL, "eq(reported/p,2)", NULL, 10, "t/2 ");
  assert_list (NULL, "gt(p,1)", NULL, 10, "t/2 t/3 ");
  assert_list (NULL, "and(ge(p,1),lt(p,3))", NULL, 10, "t/1 t/2 ");
  assert_list (NULL, "ne(mode,\"on\")", NULL, 10, "top t/2 t/3 ");
  assert_list (NULL, "in(attributes/where/city,\"Ulm\",\"Rom\")", NULL, 10, "t/1 ");
  assert_list (NULL, "or(like(id,\"*/3\"),eq(mode,'off'))", NULL, 10, "t/2 t/3 ");
  assert_list (NULL, "not(exists(p))", NULL, 10, "top ");
  assert_list (NULL, "exists(desired/p)", NULL, 10, "t/3 ");
  assert_list ("top", NULL, "-p", 2, "t/3 t/2 t/1 ");
  assert_list ("top", NULL, "+id", 1, "t/1 t/2 t/3 ");
  assert_list ("top", NULL, NULL, 1, "t/1 t/2 t/3 ");
  g_assert_cmpint (hawser_twins_count (f->twins, "top", "le(p,2)", NULL), ==, 2);
}

static void
wrong_queries_say_where (Fixture *f, gconstpointer data)
{
  static const char * const bad[] = { "eq(p)", "eq(p,1", "eq(p,1))", "and()", "not(eq(p,1),eq(p,2))", "foo(p,1)", "like(p,3)", "eq(,1)", "eq(p,1)x", "(", "and(eq(p,1)", "eq(p,\"x)" };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;

      g_assert_cmpint (hawser_twins_count (f->twins, NULL, bad[i], &error), ==, -1);
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
      g_assert_true (g_str_has_prefix (error->message, "query at character "));
    }
}

/* ---- history ---- */

static void
history_is_bounded_and_read_by_time (Fixture *f, gconstpointer data)
{
  g_autoptr (GString) out = g_string_new (NULL), then = g_string_new (NULL);

  add_grid (f);
  for (guint i = 0; i < 150; i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"power\": %u}", i);

      publish (f, "grid/a/s/telemetry", text);
      hawser_clock_advance (f->clock, G_USEC_PER_SEC);
      turn (f);
    }
  g_assert_true (hawser_twins_write_history (f->twins, "site/a/s", "power-kw", 0, G_MAXINT64, 0, out, NULL));
  {
    g_autofree char *first = look (out->str, "items.0.value"), *next = look (out->str, "next"), *last = look (out->str, "items.99.value");

    g_assert_cmpstr (first, ==, "50");
    g_assert_cmpstr (last, ==, "149");
    g_assert_cmpstr (next, ==, "null");
  }
  g_assert_true (hawser_twins_write_at (f->twins, "site/a/s", WALL_US + 77 * (gint64) G_USEC_PER_SEC + 5, then, NULL));
  {
    g_autofree char *value = look (then->str, "reported.power-kw.value");

    g_assert_cmpstr (value, ==, "77");
  }
}

/* ---- objects ---- */

static void
count_changes (GListModel *model, guint position, guint removed, guint added, gpointer data)
{
  *(guint *) data += 1;
}

static void
models_follow (Fixture *f, gconstpointer data)
{
  GListModel *model = hawser_bus_get_twins (f->bus);
  guint n_changes = 0;
  g_autoptr (HawserTwin) fleet = NULL, site = NULL;

  add_grid (f);
  g_signal_connect (model, "items-changed", G_CALLBACK (count_changes), &n_changes);
  wait_ms (f, 150);
  for (guint i = 0; i < 100; i++)
    {
      g_autofree char *topic = g_strdup_printf ("grid/a/s%u/telemetry", i);

      publish (f, topic, "{\"power\": 1}");
    }
  n_changes = 0;
  wait_ms (f, 150);
  g_assert_cmpuint (g_list_model_get_n_items (model), ==, 102);
  g_assert_cmpuint (n_changes, ==, 1);
  fleet = hawser_twins_dup_twin (f->twins, "fleet", NULL);
  g_assert_nonnull (hawser_twin_get_children (fleet));
  g_assert_cmpuint (g_list_model_get_n_items (hawser_twin_get_children (fleet)), ==, 1);
  site = hawser_twins_dup_twin (f->twins, "site/a/s7", NULL);
  g_assert_null (hawser_twin_get_children (site));
  g_assert_cmpint (hawser_twin_get_state (site), ==, HAWSER_TWIN_STATE_ONLINE);
  {
    g_autoptr (GVariant) power = hawser_twin_dup_property (site, "power-kw");

    g_assert_cmpfloat (g_variant_get_double (power), ==, 1);
  }
  g_assert_true (hawser_twins_remove (f->twins, "site/a/s7", HAWSER_TWIN_ANY_REVISION, NULL));
  g_assert_null (hawser_twin_dup_json (site));
  wait_ms (f, 150);
  g_assert_cmpuint (g_list_model_get_n_items (model), ==, 101);
}

/* ---- messages ---- */

static void
commands_go_down_the_tree (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserSubscription) subscription = NULL;
  g_autoptr (HawserMessage) message = hawser_message_new_text ("x", "{\"kw\":-5}");
  g_autoptr (GError) error = NULL;
  guint n = 0;

  add_grid (f);
  for (guint i = 0; i < 3; i++)
    {
      g_autofree char *topic = g_strdup_printf ("grid/a/s%u/telemetry", i);

      publish (f, topic, "{\"power\": 1}");
    }
  publish (f, "grid/a/s2/status", "offline");
  subscription = hawser_bus_subscribe (f->bus, "$twin/inbox/#", count_message, f->events, NULL, NULL);
  g_assert_true (hawser_twins_send (f->twins, "fleet", "dispatch", message, &n, &error));
  turn (f);
  g_assert_cmpuint (n, ==, 2);
  g_assert_cmpuint (f->events->len, ==, 2);
  g_assert_cmpstr (f->events->pdata[0], ==, "$twin/inbox/site/a/s0/dispatch {\"kw\":-5}");
  hawser_bus_unsubscribe (f->bus, subscription);
}

static void
command_waits_for_its_device_until_it_expires (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserSubscription) subscription = NULL;
  g_autoptr (HawserMessageBuilder) builder = hawser_message_builder_new ("x");
  g_autoptr (HawserMessage) forever = hawser_message_new_text ("x", "no"), message = NULL;
  g_autoptr (GError) error = NULL;

  add_grid (f);
  publish (f, "grid/a/s/status", "offline");
  subscription = hawser_bus_subscribe (f->bus, "$twin/inbox/#", count_message, f->events, NULL, NULL);
  g_assert_false (hawser_twins_send (f->twins, "site/a/s", "open", forever, NULL, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_UNAVAILABLE);
  hawser_message_builder_set_text (builder, "early");
  hawser_message_builder_set_expiry_s (builder, 5);
  message = hawser_message_builder_build (builder);
  g_assert_true (hawser_twins_send (f->twins, "site/a/s", "open", message, NULL, NULL));
  wait_ms (f, 6000);
  g_clear_pointer (&message, hawser_message_unref);
  hawser_message_builder_set_text (builder, "late");
  message = hawser_message_builder_build (builder);
  g_assert_true (hawser_twins_send (f->twins, "site/a/s", "open", message, NULL, NULL));
  wait_ms (f, 2000);
  g_assert_cmpuint (f->events->len, ==, 0);
  publish (f, "grid/a/s/telemetry", "{\"power\": 1}");
  turn (f);
  g_assert_cmpuint (f->events->len, ==, 1);
  g_assert_cmpstr (f->events->pdata[0], ==, "$twin/inbox/site/a/s/open late");
  hawser_bus_unsubscribe (f->bus, subscription);
}

static void
gateway_topic_that_mixes_principals_is_refused (Fixture *f, gconstpointer data)
{
  static const char * const wrong[] = {
    "", "gateway", "{principal}", "{principal}/x", "gateway/a{principal}", "gateway/{principal}b", "gateway/{principal}/{principal}", "gateway/{id}/{principal}",
    "gateway/{principal}/{id}", "gateway/+/{principal}", "gateway/{principal}/#", "$twin/{principal}",
  };

  for (gsize i = 0; i < G_N_ELEMENTS (wrong); i++)
    {
      g_autoptr (HawserTwinFamily) family = hawser_twin_family_new ("meter");
      g_autoptr (GError) error = NULL;
      const char *property = NULL;

      g_object_set (family, "id", "meter/{meter}", "gateway-topic", wrong[i], NULL);
      g_assert_false (hawser_twin_family_check (family, &property, &error));
      g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
      g_assert_cmpstr (property, ==, "gateway-topic");
    }
}

static void
gateway_gets_what_goes_below_its_topic (Fixture *f, gconstpointer data)
{
  static const struct {
    const char *principal, *filter;
  } cases[] = {
    { "g1", "plant/g1/gw/inbox/meter/m1/#" },
    { NULL, "$twin/inbox/meter/m1/#" },         /* proved nothing */
    { "m1", "$twin/inbox/meter/m1/#" },         /* the thing itself */
    { "meter/m1", "$twin/inbox/meter/m1/#" },
    { "", "$twin/inbox/meter/m1/#" },           /* no levels */
    { "g1/gw/inbox", "$twin/inbox/meter/m1/#" },
    { "+", "$twin/inbox/meter/m1/#" },
    { "#", "$twin/inbox/meter/m1/#" },
    { "{principal}", "plant/{principal}/gw/inbox/meter/m1/#" },
  };
  g_autoptr (HawserTwinFamily) family = hawser_twin_family_new ("meter");
  g_autofree char *elsewhere = NULL;

  g_object_set (family, "id", "meter/{meter}", "gateway-topic", "plant/{principal}/gw", NULL);
  g_assert_true (hawser_twins_add_family (f->twins, family, NULL));
  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      g_autofree char *filter = hawser_twins_dup_inbox_filter (f->twins, "meter/m1", cases[i].principal);

      g_assert_cmpstr (filter, ==, cases[i].filter);
    }
  elsewhere = hawser_twins_dup_inbox_filter (f->twins, "lamp/l1", "g1");
  g_assert_cmpstr (elsewhere, ==, "$twin/inbox/lamp/l1/#");
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add ("/twin" path, Fixture, NULL, set_up, func, tear_down)
  ADD ("/gateway/topic-that-mixes-principals-is-refused", gateway_topic_that_mixes_principals_is_refused);
  ADD ("/gateway/gets-what-goes-below-its-topic", gateway_gets_what_goes_below_its_topic);
  ADD ("/report/makes-the-twin-and-those-above", report_makes_the_twin_and_those_above);
  ADD ("/report/older-does-not-overwrite", older_report_does_not_overwrite);
  ADD ("/report/clock-far-ahead-is-marked-and-not-believed", clock_far_ahead_is_marked_and_not_believed);
  ADD ("/report/numbers-that-are-none-change-nothing", numbers_that_are_none_change_nothing);
  ADD ("/report/senml-is-telemetry", senml_is_telemetry);
  ADD ("/report/without-a-map-every-member-is-taken", without_a_map_every_member_is_taken);
  ADD ("/report/other-topics-make-nothing", other_topics_make_nothing);
  ADD ("/read/missing-twin-is-not-made", missing_twin_is_not_made_by_reading);
  ADD ("/patch/merges", patch_merges);
  ADD ("/patch/that-changes-nothing-is-no-event", patch_that_changes_nothing_is_no_event);
  ADD ("/patch/is-all-or-nothing", patch_is_all_or_nothing);
  ADD ("/patch/revision-is-a-condition", revision_is_a_condition);
  ADD ("/tree/circles-and-depth-are-refused", circles_and_depth_are_refused);
  ADD ("/tree/sums-follow-moves-and-removal", sums_follow_moves_and_removal);
  ADD ("/state/silence-is-offline-within-the-bound", silence_is_offline_within_the_bound);
  ADD ("/state/stale-comes-before-offline", stale_comes_before_offline);
  ADD ("/state/a-will-is-offline", a_will_is_offline);
  ADD ("/events/one-change-is-one-event", one_change_is_one_event);
  ADD ("/events/are-on-the-bus", events_are_on_the_bus);
  ADD ("/desired/delta-is-what-is-not-reported", delta_is_what_is_not_reported);
  ADD ("/list/queries-select", queries_select);
  ADD ("/list/wrong-queries-say-where", wrong_queries_say_where);
  ADD ("/history/is-bounded-and-read-by-time", history_is_bounded_and_read_by_time);
  ADD ("/objects/models-follow", models_follow);
  ADD ("/command/goes-down-the-tree", commands_go_down_the_tree);
  ADD ("/command/waits-for-its-device-until-it-expires", command_waits_for_its_device_until_it_expires);
  return g_test_run ();
}
