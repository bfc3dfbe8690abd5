/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pipelines on a clock that the test moves: what each stage lets through, what is counted, who is held back, what goes round. */

#include "hawser.h"

#include <string.h>

#include "hawser-bus-private.h"
#include "hawser-formula-private.h"
#include "hawser-stage-private.h"

#define WALL_US (G_GINT64_CONSTANT (1790000000) * G_USEC_PER_SEC)

typedef struct {
  HawserClock *clock;
  HawserBus *bus;
  GPtrArray *seen;          /* "topic payload" */
  GPtrArray *pipelines;
} Fixture;

static void
note (HawserMessage *message, gpointer data)
{
  g_autofree char *text = hawser_message_dup_text (message);

  g_ptr_array_add (data, g_strdup_printf ("%s %s", hawser_message_get_topic (message), text));
}

static void
set_up (Fixture *f, gconstpointer data)
{
  f->clock = hawser_clock_new_manual (G_USEC_PER_SEC, WALL_US);
  f->bus = hawser_bus_new_with_clock (f->clock);
  f->seen = g_ptr_array_new_with_free_func (g_free);
  f->pipelines = g_ptr_array_new_with_free_func (g_object_unref);
  g_object_unref (hawser_bus_subscribe (f->bus, "out/#", note, f->seen, NULL, NULL));
}

static void
tear_down (Fixture *f, gconstpointer data)
{
  for (guint i = 0; i < f->pipelines->len; i++)
    hawser_pipeline_stop (f->pipelines->pdata[i]);
  g_ptr_array_unref (f->pipelines);
  hawser_bus_close (f->bus);
  g_assert_finalize_object (f->bus);
  g_object_unref (f->clock);
  g_ptr_array_unref (f->seen);
}

static HawserPipeline *
make (Fixture *f, const char *name, const char *from, const char *to, const char *stages)
{
  HawserPipeline *pipeline = hawser_pipeline_new (f->bus, name);
  g_auto (GStrv) froms = g_strsplit (from, ";", -1), texts = g_strsplit (stages, ";", -1);

  g_object_set (pipeline, "from", froms, "to", to, "stages", *stages != '\0' ? texts : NULL, NULL);
  g_ptr_array_add (f->pipelines, pipeline);
  return pipeline;
}

static HawserPipeline *
start (Fixture *f, const char *from, const char *to, const char *stages)
{
  HawserPipeline *pipeline = make (f, "p", from, to, stages);
  g_autoptr (GError) error = NULL;

  hawser_pipeline_start (pipeline, &error);
  g_assert_no_error (error);
  return pipeline;
}

static void
settle (void)
{
  while (g_main_context_iteration (NULL, FALSE))
    continue;
}

static void
send_one (Fixture *f, const char *topic, const char *text)
{
  g_autoptr (HawserMessage) message = hawser_message_new_text (topic, text);

  g_assert_true (hawser_bus_publish (f->bus, message, NULL));
}

static void
wait_ms (Fixture *f, guint ms)
{
  for (; ms > 0; ms -= MIN (ms, 10))
    {
      hawser_clock_advance (f->clock, MIN (ms, 10) * 1000);
      settle ();
    }
}

static char *
take (Fixture *f)
{
  char *all;

  settle ();
  g_ptr_array_add (f->seen, NULL);
  all = g_strjoinv ("; ", (char **) f->seen->pdata);
  g_ptr_array_set_size (f->seen, 0);
  return all;
}

#define assert_seen(f, expected) G_STMT_START { g_autofree char *all_ = take (f); g_assert_cmpstr (all_, ==, expected); } G_STMT_END

static guint64
get (HawserPipeline *pipeline, const char *name)
{
  g_autoptr (GVariant) statistics = hawser_pipeline_dup_statistics (pipeline);
  guint64 value = G_MAXUINT64;

  g_variant_lookup (statistics, name, "t", &value);
  return value;
}

/* ---- stages ---- */

static void
without_stages_messages_change_their_topic (Fixture *f, gconstpointer data)
{
  start (f, "in/+/x;other", "out/{topic}/{2}", "");
  send_one (f, "in/a/x", "1");
  send_one (f, "in/a/y", "2");
  send_one (f, "other", "3");
  assert_seen (f, "out/in/a/x/a 1; out/other/_ 3");
}

static void
filter_lets_through_what_its_rule_says (Fixture *f, gconstpointer data)
{
  HawserPipeline *p = start (f, "in/#", "out/x", "filter /kw > 5 and not topic == \"in/no\"");

  send_one (f, "in/a", "{\"kw\":6}");
  send_one (f, "in/a", "{\"kw\":5}");
  send_one (f, "in/no", "{\"kw\":9}");
  send_one (f, "in/a", "no json");
  assert_seen (f, "out/x {\"kw\":6}");
  g_assert_cmpuint (get (p, "received"), ==, 4);
  g_assert_cmpuint (get (p, "filtered"), ==, 3);
  g_assert_cmpuint (get (p, "published"), ==, 1);
}

static void
map_makes_a_new_object (Fixture *f, gconstpointer data)
{
  HawserPipeline *p = start (f, "in", "out/x", "map w=/power-kw*1000, where=/place, net=(/power-kw - /load) / 2, gone=/nothing, bad=/place*2, zero=1/0*0");

  send_one (f, "in", "{\"power-kw\":2.5,\"load\":0.5,\"place\":{\"lat\":[1,2]}}");
  send_one (f, "in", "{\"other\":1}");
  send_one (f, "in", "no json");
  assert_seen (f, "out/x {\"w\":2500,\"where\":{\"lat\":[1,2]},\"net\":1}");
  g_assert_cmpuint (get (p, "unusable"), ==, 2);
}

static void
window_of_a_duration_ends_at_its_multiples (Fixture *f, gconstpointer data)
{
  HawserPipeline *p = start (f, "in/+", "out/{2}", "window 10s kw=mean(/kw), least=min(/kw), most=max(/kw), all=sum(/kw), n=count(/kw)");

  wait_ms (f, 3000);
  send_one (f, "in/a", "{\"kw\":1}");
  send_one (f, "in/a", "{\"kw\":4}");
  send_one (f, "in/b", "{\"kw\":-7}");
  send_one (f, "in/a", "{\"soc\":1}");
  wait_ms (f, 6990);
  assert_seen (f, "");
  g_assert_cmpuint (get (p, "depth"), ==, 2);
  wait_ms (f, 20);
  assert_seen (f, "out/a {\"from\":\"2026-09-21T14:13:20Z\",\"to\":\"2026-09-21T14:13:30Z\",\"count\":3,\"kw\":2.5,\"least\":1,\"most\":4,\"all\":5,\"n\":2}; "
                  "out/b {\"from\":\"2026-09-21T14:13:20Z\",\"to\":\"2026-09-21T14:13:30Z\",\"count\":1,\"kw\":-7,\"least\":-7,\"most\":-7,\"all\":-7,\"n\":1}");
  wait_ms (f, 20000);
  assert_seen (f, ""); /* nothing came: nothing is told */
  send_one (f, "in/a", "{}");
  wait_ms (f, 10000);
  assert_seen (f, "out/a {\"from\":\"2026-09-21T14:13:50Z\",\"to\":\"2026-09-21T14:14:00Z\",\"count\":1,\"n\":0}");
  g_assert_cmpuint (get (p, "combined"), ==, 5);
}

static void
end_sends_on_what_waits_for_time (Fixture *f, gconstpointer data)
{
  HawserPipeline *first = start (f, "in/+", "mid/{2}", "window 1h sum=sum(/v)");
  HawserPipeline *second = make (f, "second", "mid/+", "out/{2}", "conflate 1h;throttle 1/h");
  g_autoptr (GError) error = NULL;

  hawser_pipeline_start (second, &error);
  g_assert_no_error (error);
  for (guint i = 1; i <= 3; i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"v\":%u}", i);

      send_one (f, i == 3 ? "in/b" : "in/a", text);
    }
  assert_seen (f, "");
  hawser_pipeline_finish (second); /* in the wrong order: what comes later goes through at once */
  hawser_pipeline_finish (first);
  wait_ms (f, 20);
  assert_seen (f, "out/a {\"from\":\"2026-09-21T14:00:00Z\",\"to\":\"2026-09-21T15:00:00Z\",\"count\":2,\"partial\":true,\"sum\":3}; "
                  "out/b {\"from\":\"2026-09-21T14:00:00Z\",\"to\":\"2026-09-21T15:00:00Z\",\"count\":1,\"partial\":true,\"sum\":3}");
  g_assert_cmpuint (get (first, "depth"), ==, 0);
  g_assert_cmpuint (get (second, "depth"), ==, 0);
}

static void
window_of_a_count_is_of_each_key (Fixture *f, gconstpointer data)
{
  start (f, "in/#", "out/x", "window 3 from=count(), to=count(), sum=sum(/v) by /k");
  for (guint i = 1; i <= 7; i++)
    {
      g_autofree char *text = g_strdup_printf ("{\"v\":%u,\"k\":%s}", i, i % 2 == 1 ? "\"odd\"" : "2");

      send_one (f, "in/a", text);
    }
  assert_seen (f, "out/x {\"count\":3,\"from\":3,\"to\":3,\"sum\":9}; out/x {\"count\":3,\"from\":3,\"to\":3,\"sum\":12}");
}

static void
window_that_has_too_many_keys_closes_the_oldest (Fixture *f, gconstpointer data)
{
  HawserPipeline *p = start (f, "in/#", "out/x", "window 1h n=count() by topic");

  g_object_set (p, "max-queued", 100000, NULL);
  for (guint i = 0; i < HAWSER_STAGE_MAX_KEYS + 5; i++)
    {
      g_autofree char *topic = g_strdup_printf ("in/%u", i);

      send_one (f, topic, "{}");
      if (i % 50 == 0)
        settle ();
    }
  settle ();
  g_assert_cmpuint (f->seen->len, ==, 5);
  g_assert_cmpuint (get (p, "depth"), ==, HAWSER_STAGE_MAX_KEYS);
}

static void
throttle_spreads_and_loses_nothing (Fixture *f, gconstpointer data)
{
  HawserPipeline *p = start (f, "in", "out/x", "throttle 10/s");

  for (guint i = 0; i < 200; i++)
    send_one (f, "in", "1");
  settle ();
  for (guint second = 1; second <= 3; second++)
    {
      wait_ms (f, 1000);
      g_assert_cmpuint (f->seen->len, >=, second * 10 - 1);
      g_assert_cmpuint (f->seen->len, <=, second * 10 + 1);
    }
  wait_ms (f, 18000);
  g_assert_cmpuint (f->seen->len, ==, 200);
  g_assert_cmpuint (get (p, "overflow") + get (p, "limited"), ==, 0);
}

static void
throttle_with_drop_counts_what_is_too_much (Fixture *f, gconstpointer data)
{
  HawserPipeline *p = start (f, "in", "out/x", "throttle 10/1s drop");

  for (guint i = 0; i < 25; i++)
    send_one (f, "in", "1");
  settle ();
  g_assert_cmpuint (f->seen->len, ==, 10);
  wait_ms (f, 500);
  for (guint i = 0; i < 25; i++)
    send_one (f, "in", "1");
  settle ();
  g_assert_cmpuint (f->seen->len, ==, 15);
  g_assert_cmpuint (get (p, "limited"), ==, 35);
}

static void
conflate_gives_the_last_of_each_key (Fixture *f, gconstpointer data)
{
  HawserPipeline *p = start (f, "in/+", "out/{2}", "conflate 1s");

  for (guint i = 0; i < 5; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      send_one (f, i % 2 == 0 ? "in/a" : "in/b", text);
      wait_ms (f, 100);
    }
  assert_seen (f, "");
  wait_ms (f, 600);
  assert_seen (f, "out/a 4; out/b 3");
  send_one (f, "in/b", "9");
  wait_ms (f, 900);
  assert_seen (f, "");
  wait_ms (f, 200);
  assert_seen (f, "out/b 9");
  g_assert_cmpuint (get (p, "combined"), ==, 3);
}

static void
conflate_holds_only_while_what_follows_is_slow (Fixture *f, gconstpointer data)
{
  HawserPipeline *p = start (f, "in/+", "out/{2}", "conflate;throttle 1/10s");
  guint64 n;

  for (guint i = 0; i < 1000; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      send_one (f, i % 2 == 0 ? "in/a" : "in/b", text);
    }
  settle ();
  n = get (p, "combined");
  g_assert_cmpuint (n, >, 800);
  g_assert_cmpuint (n + get (p, "depth") + get (p, "published"), ==, 1000);
  wait_ms (f, 2000 * 1000);
  g_assert_cmpstr (f->seen->pdata[f->seen->len - 2], ==, "out/a 998");
  g_assert_cmpstr (f->seen->pdata[f->seen->len - 1], ==, "out/b 999");
}

static void
stages_stand_in_a_row (Fixture *f, gconstpointer data)
{
  start (f, "grid/#", "out/{2}", "filter /kw > 0;map mw=/kw / 1000;window 2 mw=sum(/mw)");
  send_one (f, "grid/a", "{\"kw\":1000}");
  send_one (f, "grid/a", "{\"kw\":-5}");
  send_one (f, "grid/a", "{\"kw\":500}");
  settle ();
  g_assert_cmpuint (f->seen->len, ==, 1);
  g_assert_nonnull (strstr (f->seen->pdata[0], "\"count\":2,\"mw\":1.5}"));
}

/* ---- who is held back ---- */

/* A receiver that takes nothing until it is told to. */
typedef struct {
  HawserReceiver *receiver;
  gboolean is_open;
  guint n;
} Slow;

static HawserDeliverResult
deliver_slowly (HawserReceiver *receiver, gpointer data, const HawserDelivery *delivery)
{
  Slow *slow = data;

  if (!slow->is_open)
    return HAWSER_DELIVER_BUSY;
  slow->n++;
  return HAWSER_DELIVER_DONE;
}

static void
subscribe_slowly (Fixture *f, Slow *slow, const char *filter, HawserOverflow overflow)
{
  static const HawserReceiverFuncs funcs = { .deliver = deliver_slowly };
  const HawserQueueLimits limits = { .max_messages = 10, .overflow = overflow };
  const HawserSubscribeOptions options = { .qos = 2 };

  slow->receiver = hawser_receiver_new (f->bus, NULL, 0, &limits);
  hawser_receiver_attach (slow->receiver, NULL, &funcs, slow);
  g_assert_cmpint (hawser_receiver_subscribe (slow->receiver, filter, strlen (filter), &options), ==, 0);
}

static void
check_slow_destination (Fixture *f, HawserOverflow overflow)
{
  HawserPipeline *p = start (f, "in", "slow/x", "map v=/v");
  Slow slow = { 0 };

  subscribe_slowly (f, &slow, "slow/#", overflow);
  for (guint i = 0; i < 1000; i++)
    send_one (f, "in", "{\"v\":1}");
  settle ();
  g_assert_true (hawser_pipeline_is_waiting (p));
  /* 10 in its queue, and at most two buffers in the pipeline: the rest waits in front of it */
  g_assert_cmpuint (get (p, "published"), <=, 12);
  g_assert_cmpuint (get (p, "received"), <=, 12 + 2 * HAWSER_STAGE_BUFFER + 2);
  g_assert_cmpuint (get (p, "published") + get (p, "depth"), ==, 1000);
  slow.is_open = TRUE;
  hawser_receiver_resume (slow.receiver);
  wait_ms (f, 3000);
  g_assert_cmpuint (slow.n, ==, 1000);
  g_assert_cmpuint (get (p, "published"), ==, 1000);
  g_assert_cmpuint (get (p, "overflow") + get (p, "refused"), ==, 0);
  g_assert_false (hawser_pipeline_is_waiting (p));
}

static void
destination_that_blocks_holds_it_back (Fixture *f, gconstpointer data)
{
  check_slow_destination (f, HAWSER_OVERFLOW_BLOCK);
}

static void
destination_that_rejects_holds_it_back (Fixture *f, gconstpointer data)
{
  check_slow_destination (f, HAWSER_OVERFLOW_REJECT);
}

static void
slow_end_of_two_pipelines_holds_back_the_first (Fixture *f, gconstpointer data)
{
  HawserPipeline *first = make (f, "first", "in", "middle", ""), *second = make (f, "second", "middle", "slow/x", "");
  Slow slow = { 0 };

  g_object_set (second, "on-overflow", HAWSER_OVERFLOW_BLOCK, "max-queued", 20, NULL);
  g_object_set (first, "on-overflow", HAWSER_OVERFLOW_DROP_NEWEST, "max-queued", 100, NULL);
  g_assert_true (hawser_pipeline_start (first, NULL));
  g_assert_true (hawser_pipeline_start (second, NULL));
  subscribe_slowly (f, &slow, "slow/#", HAWSER_OVERFLOW_BLOCK);
  for (guint i = 0; i < 1000; i++)
    {
      send_one (f, "in", "1");
      settle ();
    }
  g_assert_true (hawser_pipeline_is_waiting (first));
  slow.is_open = TRUE;
  hawser_receiver_resume (slow.receiver);
  settle ();
  g_assert_cmpuint (get (second, "overflow"), ==, 0);
  g_assert_cmpuint (get (first, "overflow") + slow.n, ==, 1000);
  g_assert_cmpuint (slow.n, >=, 100 + 20);
}

static void
what_its_queue_drops_is_counted_by_policy (Fixture *f, gconstpointer data)
{
  HawserPipeline *p = make (f, "p", "in", "out/x", "throttle 1/1s");

  g_object_set (p, "max-queued", 50, NULL);
  g_assert_true (hawser_pipeline_start (p, NULL));
  for (guint i = 0; i < 300; i++)
    {
      g_autofree char *text = g_strdup_printf ("%u", i);

      send_one (f, "in", text);
      settle ();
    }
  wait_ms (f, 1000 * 1000);
  /* the oldest of those that waited are gone, the newest are there */
  g_assert_cmpstr (f->seen->pdata[f->seen->len - 1], ==, "out/x 299");
  g_assert_cmpstr (f->seen->pdata[0], ==, "out/x 0");
  g_assert_cmpuint (get (p, "overflow"), >, 0);
  g_assert_cmpuint (get (p, "overflow") + get (p, "published"), ==, 300);
}

static void
what_the_bus_refuses_is_counted (Fixture *f, gconstpointer data)
{
  g_autoptr (HawserLocalTopic) off = hawser_local_topic_new ("slow/x");
  HawserPipeline *p = start (f, "in", "slow/x", "");

  g_object_set (off, "enabled", FALSE, NULL);
  g_assert_true (hawser_bus_add_topic (f->bus, HAWSER_TOPIC (off), NULL));
  send_one (f, "in", "1");
  settle ();
  g_assert_cmpuint (get (p, "refused"), ==, 1);
  g_assert_nonnull (hawser_pipeline_get_last_error (p));
}

/* ---- what goes round ---- */

static void
circle_ends_after_one_round (Fixture *f, gconstpointer data)
{
  HawserPipeline *a = make (f, "a", "x/#", "y/{2}", ""), *b = make (f, "b", "y/#", "x/{2}", "");

  g_assert_true (hawser_pipeline_start (a, NULL));
  g_assert_true (hawser_pipeline_start (b, NULL));
  send_one (f, "x/1", "1");
  wait_ms (f, 100);
  g_assert_cmpuint (get (a, "published"), ==, 1);
  g_assert_cmpuint (get (b, "published"), ==, 1);
  g_assert_cmpuint (get (a, "looped"), ==, 1);
}

static void
circle_through_a_window_ends_too (Fixture *f, gconstpointer data)
{
  HawserPipeline *p = start (f, "x/#", "x/{topic}", "window 1 n=count()");

  send_one (f, "x/1", "1");
  wait_ms (f, 100);
  g_assert_cmpuint (get (p, "published"), ==, 1);
  g_assert_cmpuint (get (p, "looped"), ==, 1);
}

/* ---- settings ---- */

static const struct {
  const char *name, *from, *to, *stages, *problem;
} bad[] = {
  { "to-feeds-itself", "a/#", "a/b", "", "to: 'a/b' is one of its own topics, 'a/#'" },
  { "to-is-a-filter", "a", "b/#", "", "to: topic name 'b/#': '+' and '#' are for filters" },
  { "to-is-the-bus", "a", "$SYS/x", "", "to: topics that begin with $ are the bus's own" },
  { "to-has-an-unknown-field", "a", "b/{nothing}", "", NULL },
  { "from-is-no-filter", "a/#/b", "c", "", NULL },
  { "stage-is-unknown", "a", "b", "mapp x=/y", "stages: stage 'mapp x=/y': begins with none of filter, map, window, throttle, conflate" },
  { "filter-is-empty", "a", "b", "filter", "stages: filter: the rule is missing" },
  { "filter-is-wrong", "a", "b", "filter /x ==", NULL },
  { "map-has-no-formula", "a", "b", "map x", "stages: map: 'x' is not NAME=FORMULA" },
  { "map-has-no-name", "a", "b", "map =/x", "stages: map: a name is missing before '=/x'" },
  { "formula-ends-early", "a", "b", "map x=/y*", "stages: map: x: column 4 of '/y*': a number, a JSON Pointer or a bracket is expected" },
  { "formula-has-an-open-bracket", "a", "b", "map x=(1+2", "stages: map: x: column 5 of '(1+2': a bracket is not closed" },
  { "formula-closes-too-much", "a", "b", "map x=1)", "stages: map: x: column 2 of '1)': there is no bracket to close" },
  { "window-is-too-short", "a", "b", "window 0s n=count()", "stages: window: '0s' is not within 1 and 1000000 messages, or 1ms and 366d" },
  { "window-tells-nothing", "a", "b", "window 5s", "stages: window: what it tells is missing, such as kw=mean(/kw)" },
  { "window-has-an-unknown-function", "a", "b", "window 5s n=median(/x)", "stages: window: 'median' is none of sum, mean, min, max, count" },
  { "window-sums-nothing", "a", "b", "window 5s n=sum()", "stages: window: 'n=sum()': this is no JSON Pointer" },
  { "key-is-unknown", "a", "b", "window 5s n=count() by device", "stages: by 'device': is neither topic, all nor a JSON Pointer" },
  { "throttle-is-no-rate", "a", "b", "throttle 5", "stages: throttle: '5' is not N/DURATION, with N from 1 to 1000000" },
  { "throttle-is-zero", "a", "b", "throttle 0/s", "stages: throttle: '0/s' is not N/DURATION, with N from 1 to 1000000" },
  { "conflate-is-no-duration", "a", "b", "conflate often", NULL },
};

static void
is_refused (gconstpointer data)
{
  guint i = GPOINTER_TO_UINT (data);
  g_autoptr (HawserBus) bus = hawser_bus_new ();
  g_autoptr (HawserPipeline) pipeline = hawser_pipeline_new (bus, "p");
  g_auto (GStrv) stages = g_strsplit (bad[i].stages, ";", -1);
  const char *from[] = { bad[i].from, NULL };
  g_autoptr (GError) error = NULL;

  g_object_set (pipeline, "from", from, "to", bad[i].to, "stages", stages, NULL);
  g_assert_false (hawser_pipeline_check (pipeline, &error));
  g_assert_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID);
  if (bad[i].problem != NULL)
    g_assert_cmpstr (error->message, ==, bad[i].problem);
  hawser_bus_close (bus);
}

/* ---- formulas ---- */

static const struct {
  const char *text, *value;    /* NULL: none */
} formulas[] = {
  { "1+2*3", "7" }, { "(1+2)*3", "9" }, { "2 - 3 - 4", "-5" }, { "12/3/2", "2" }, { "-2*-3", "6" }, { "-(1+1)", "-2" }, { "- /x + 1", "-1" },
  { "/x*/y", NULL }, { "/x * 2", "4" }, { "/deep/0/v + 1", "4" }, { "/text", "\"a\"" }, { "/text + 1", NULL }, { "/flag", "true" }, { "/none", NULL },
  { "/null", "null" }, { "1/0", NULL }, { "1e300*1e300", NULL }, { "/power-kw - 1", "8" }, { "/power-kw/2", NULL }, { "(/power-kw)/2", "4.5" },
};

static void
formulas_give_their_values (void)
{
  static const char json[] = "{\"x\":2,\"deep\":[{\"v\":3}],\"text\":\"a\",\"flag\":true,\"null\":null,\"power-kw\":9}";

  for (guint i = 0; i < G_N_ELEMENTS (formulas); i++)
    {
      const char *end;
      g_autoptr (GError) error = NULL;
      g_autoptr (HawserFormula) formula = hawser_formula_new (formulas[i].text, &end, &error);
      g_autoptr (GString) out = g_string_new (NULL);

      g_test_message ("%s", formulas[i].text);
      g_assert_no_error (error);
      g_assert_cmpstr (end, ==, "");
      g_assert_true (hawser_formula_append (formula, json, strlen (json), out) == (formulas[i].value != NULL));
      if (formulas[i].value != NULL)
        g_assert_cmpstr (out->str, ==, formulas[i].value);
    }
}

static void
formulas_are_bounded (void)
{
  g_autoptr (GString) deep = g_string_new (NULL), wide = g_string_new ("1");
  const char *end;

  for (guint i = 0; i < 100; i++)
    g_string_append (deep, i < 50 ? "(" : "1+(");
  for (guint i = 0; i < 1000; i++)
    g_string_append (wide, "+1");
  g_assert_null (hawser_formula_new (deep->str, &end, NULL));
  g_assert_null (hawser_formula_new (wide->str, &end, NULL));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
#define ADD(path, func) g_test_add ("/pipeline" path, Fixture, NULL, set_up, func, tear_down)
  ADD ("/stage/without-stages-messages-change-their-topic", without_stages_messages_change_their_topic);
  ADD ("/stage/filter-lets-through-what-its-rule-says", filter_lets_through_what_its_rule_says);
  ADD ("/stage/map-makes-a-new-object", map_makes_a_new_object);
  ADD ("/stage/window-of-a-duration-ends-at-its-multiples", window_of_a_duration_ends_at_its_multiples);
  ADD ("/stage/window-of-a-count-is-of-each-key", window_of_a_count_is_of_each_key);
  ADD ("/end/sends-on-what-waits-for-time", end_sends_on_what_waits_for_time);
  ADD ("/stage/window-that-has-too-many-keys-closes-the-oldest", window_that_has_too_many_keys_closes_the_oldest);
  ADD ("/stage/throttle-spreads-and-loses-nothing", throttle_spreads_and_loses_nothing);
  ADD ("/stage/throttle-with-drop-counts-what-is-too-much", throttle_with_drop_counts_what_is_too_much);
  ADD ("/stage/conflate-gives-the-last-of-each-key", conflate_gives_the_last_of_each_key);
  ADD ("/stage/conflate-holds-only-while-what-follows-is-slow", conflate_holds_only_while_what_follows_is_slow);
  ADD ("/stage/stages-stand-in-a-row", stages_stand_in_a_row);
  ADD ("/backpressure/destination-that-blocks-holds-it-back", destination_that_blocks_holds_it_back);
  ADD ("/backpressure/destination-that-rejects-holds-it-back", destination_that_rejects_holds_it_back);
  ADD ("/backpressure/slow-end-of-two-pipelines-holds-back-the-first", slow_end_of_two_pipelines_holds_back_the_first);
  ADD ("/backpressure/what-its-queue-drops-is-counted-by-policy", what_its_queue_drops_is_counted_by_policy);
  ADD ("/backpressure/what-the-bus-refuses-is-counted", what_the_bus_refuses_is_counted);
  ADD ("/circle/ends-after-one-round", circle_ends_after_one_round);
  ADD ("/circle/through-a-window-ends-too", circle_through_a_window_ends_too);
  for (guint i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autofree char *path = g_strconcat ("/pipeline/settings/", bad[i].name, "-is-refused", NULL);

      g_test_add_data_func (path, GUINT_TO_POINTER (i), is_refused);
    }
  g_test_add_func ("/pipeline/formula/gives-its-value", formulas_give_their_values);
  g_test_add_func ("/pipeline/formula/is-bounded", formulas_are_bounded);
  return g_test_run ();
}
