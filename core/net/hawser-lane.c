/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The lane: one epoll descriptor and one timer wheel, each behind one GSource of one main context. A turn reads all
 * that is ready, lets it be routed, runs what was posted, and then flushes every dirty connection once. The lane knows
 * nothing of protocols; connections are hawser-connection.c. Context: its own thread, except hawser_lane_post(). */

#include "hawser-lane.h"
#include "hawser-lane-private.h"

#include <errno.h>
#include <malloc.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "hawser-clock-private.h"
#include "hawser-lane-wait-private.h"
#include "hawser-message-private.h"
#include "hawser-prompt-private.h"
#include "hawser-spin-private.h"

#define MAX_CALL_US (100 * 1000)   /* of one call of a plugin; longer is seen by whoever plays or pilots over us */
#define MAX_EVENTS 256          /* events a round: bounds how long control work of the same context waits */
#define MAX_ROUNDS 8            /* epoll rounds a dispatch: a round costs 0.1 us, an iteration of GLib above 1 us */
#define TRIM_US (2 * G_USEC_PER_SEC)
#define WORTH_TRIMMING (4u << 20)
#define FLUSH_SLICE 32          /* connections flushed between two looks at what came meanwhile */
#define MAX_LOOKS 64            /* a turn, and as long as they brought less than this: */
#define MAX_LOOK_BYTES (64 * 1024)
#define MAX_FRUITLESS 3         /* rounds that found nothing after one that did, before that round is left to GLib's poll */
#define MAX_FREE_BYTES (2u << 20) /* of chunks of each size: what stays after a burst; see the limit "stuck readers" */

typedef struct _Chunk Chunk;
struct _Chunk {
  Chunk *next;
};

/* An acknowledgement fits the first, a message the second: a fan-out touches as little memory as it can. Much output
 * takes few of the last. */
static const gsize chunk_sizes[] = { 128, 1024, 8192, 65536 };

#define N_CHUNK_SIZES G_N_ELEMENTS (chunk_sizes)

typedef struct {
  HawserLaneFunc func;
  gpointer data;
} Posted;

typedef struct {
  GSource source;
  HawserLane *lane;
} LaneSource;

struct _HawserLane {
  gatomicrefcount ref_count;
  GMainContext *context;
  HawserClock *clock;
  HawserClockWatch clock_watch;
  int epoll_fd;
  GSource *io_source;
  gpointer io_tag;
  GSource *timer_source;
  gint64 now_us;
  gboolean is_in_turn;
  gboolean is_muted;            /* a main loop runs inside a turn: our descriptor would wake it for nothing */
  gint64 noted_us;              /* when it was last known that no plugin holds us */
  guint n_fruitless;            /* see MAX_FRUITLESS */
  guint8 *input;
  guint64 n_input;              /* bytes read so far */
  guint64 gauge_due, gauge_step; /* of them */
  HawserLaneFunc gauge;
  gpointer gauge_data;
  gboolean is_tight;            /* no memory for large packets */

  HawserDirty *dirty;
  HawserDirty **dirty_tail;

  struct epoll_event events[MAX_EVENTS]; /* of the round under way or next, so that a removed descriptor is not dispatched */
  int n_events;
  gboolean has_waited;          /* the next round has its events already */
  gboolean waits;               /* instead of GLib: hawser_lane_wait_here() */
  HawserLaneOthers others;
  HawserSpin spin;

  HawserTimerWheel wheel;
  gint64 armed_us;              /* what the timer source waits for; -1: nothing */
  gboolean has_new_timers;      /* or the wheel turned: it has to be asked again */

  HawserTimer trim_timer;
  gsize freed;                  /* since the heap was trimmed: what waited for peers that left */
  Chunk *free_chunks[N_CHUNK_SIZES];
  guint n_free_chunks[N_CHUNK_SIZES];

  gboolean has_company;         /* other lanes post in every turn */
  GMutex lock;                  /* guards posted and is_awake */
  GArray *posted;
  gboolean is_awake;            /* looks at what was posted before it sleeps: need not be woken. Only with company */
};

struct _HawserWatch {
  HawserPollable pollable;
  HawserLane *lane;
  int fd;
  HawserWatchFunc func;
  gpointer data;
};

static void
update_now (HawserLane *self)
{
  self->now_us = hawser_clock_get_monotonic_us (self->clock);
  self->noted_us = self->now_us;
}

void
hawser_lane_judge_call (gint64 began_us, const char *role, const char *name, const char *place)
{
  gint64 took_us = g_get_monotonic_time () - began_us;

  if (G_UNLIKELY (took_us > MAX_CALL_US)) /* no warning: a machine that is busy elsewhere looks the same */
    g_message ("%s '%s'%s%s%s held the lane for %" G_GINT64_FORMAT " ms: nobody else was served meanwhile", role, name, place != NULL ? " (" : "",
               place != NULL ? place : "", place != NULL ? ")" : "", took_us / 1000);
}

void
hawser_lane_note_call (HawserLane *self, const char *role, const char *name, const char *place)
{
  gint64 now_us;

  if (hawser_clock_is_manual (self->clock))
    return; /* what passes there is not the lane's time */
  now_us = g_get_monotonic_time ();
  if (G_UNLIKELY (now_us - self->noted_us > MAX_CALL_US))
    {
      g_autofree char *listener = g_strdup_printf ("listener '%s'", place);

      hawser_lane_judge_call (self->noted_us, role, name, listener);
    }
  self->noted_us = now_us;
}

/* Returns how many there were. */
static int
run_posted (HawserLane *self)
{
  g_autoptr (GArray) posted = NULL;

  g_mutex_lock (&self->lock);
  self->is_awake = self->has_company;
  if (self->posted->len > 0)
    {
      posted = self->posted;
      self->posted = g_array_new (FALSE, FALSE, sizeof (Posted));
    }
  g_mutex_unlock (&self->lock);

  for (guint i = 0; posted != NULL && i < posted->len; i++)
    {
      Posted *item = &g_array_index (posted, Posted, i);

      item->func (item->data);
    }
  return posted != NULL ? (int) posted->len : 0;
}

/* The end of a dispatch: who posts from here on wakes the context. */
static void
fall_asleep (HawserLane *self)
{
  gboolean has_mail;

  if (!self->has_company)
    return;
  g_mutex_lock (&self->lock);
  self->is_awake = FALSE;
  has_mail = self->posted->len > 0;
  g_mutex_unlock (&self->lock);
  if (has_mail)
    g_source_set_ready_time (self->io_source, 0);
}

/* Flushes at most @max. A flush that fails may close a connection, which may publish a will, which may dirty others:
 * whoever wants all goes on until none is left. */
static void
flush_dirty (HawserLane *self, guint max)
{
  while (self->dirty != NULL && max-- > 0)
    {
      HawserDirty *dirty = self->dirty;

      self->dirty = dirty->next;
      if (self->dirty == NULL)
        self->dirty_tail = &self->dirty;
      dirty->next = NULL;
      dirty->flush (dirty);
    }
}

static void
arm_timer_source (HawserLane *self)
{
  gint64 next_us;

  if (!self->has_new_timers || hawser_clock_is_manual (self->clock))
    return; /* nothing comes earlier than before; what was disarmed costs one early wake-up */
  self->has_new_timers = FALSE;
  next_us = hawser_timer_wheel_next_us (&self->wheel);
  if (next_us == self->armed_us)
    return;
  self->armed_us = next_us;
  g_source_set_ready_time (self->timer_source, next_us);
}

static int
poll_round (HawserLane *self)
{
  int n_found = 0;

  if (!self->has_waited)
    self->n_events = epoll_wait (self->epoll_fd, self->events, MAX_EVENTS, 0);
  self->has_waited = FALSE;
  for (int i = 0; i < self->n_events; i++)
    {
      HawserPollable *pollable = self->events[i].data.ptr;

      if (hawser_lane_is_other (pollable))
        continue; /* GLib's next poll is told of it */
      n_found++;
      if (pollable != NULL)
        pollable->ready (pollable, self->events[i].events);
    }
  self->n_events = 0;
  return n_found;
}

/* Under load another round finds more, when messages come one by one it finds nothing. What the last ones found says
 * which it is; one in sixteen is tried all the same. */
static gboolean
is_worth_another_round (HawserLane *self, int n_found)
{
  return n_found == MAX_EVENTS || self->n_fruitless < MAX_FRUITLESS || self->n_fruitless++ % 16 == 0;
}

static int
read_round (HawserLane *self)
{
  int n, n_posted;

  update_now (self);
  n = poll_round (self);
  n_posted = run_posted (self);
  return self->has_company ? MAX (n, 0) + n_posted : n;
}

/* A send to each of a thousand takes milliseconds. What comes meanwhile is looked at in between, so that who has not had
 * its turn gets it in the same send; little of it, so that what waits for the last ones stays small. */
static void
flush_all (HawserLane *self)
{
  guint64 began = self->n_input;

  flush_dirty (self, FLUSH_SLICE);
  for (guint look = 0; self->dirty != NULL && look < MAX_LOOKS && self->n_input - began < MAX_LOOK_BYTES; look++)
    {
      read_round (self);
      flush_dirty (self, FLUSH_SLICE);
    }
  flush_dirty (self, G_MAXUINT);
}

static void
run_rounds (HawserLane *self)
{
  for (int round = 0; round < MAX_ROUNDS; round++)
    {
      int n = read_round (self);

      flush_all (self);
      if (round > 0)
        self->n_fruitless = n > 0 ? 0 : self->n_fruitless + 1;
      if (n <= 0 || !is_worth_another_round (self, n))
        return;
    }
}

static gboolean
dispatch_io (GSource *source, GSourceFunc callback, gpointer data)
{
  HawserLane *self = ((LaneSource *) source)->lane;

  g_source_set_ready_time (source, -1);
  if (self->is_in_turn)
    {
      /* somebody runs a main loop in a callback of ours: the rest of the turn comes when that loop ended */
      g_source_modify_unix_fd (source, self->io_tag, 0);
      self->is_muted = TRUE;
      return G_SOURCE_CONTINUE;
    }
  hawser_lane_ref (self);
  self->is_in_turn = TRUE;
  run_rounds (self);
  self->is_in_turn = FALSE;
  fall_asleep (self);
  if (G_UNLIKELY (self->is_muted))
    {
      self->is_muted = FALSE;
      g_source_modify_unix_fd (source, self->io_tag, G_IO_IN);
      g_source_set_ready_time (source, 0);
    }
  arm_timer_source (self);
  hawser_lane_unref (self);
  return G_SOURCE_CONTINUE;
}

static gboolean
dispatch_timers (GSource *source, GSourceFunc callback, gpointer data)
{
  HawserLane *self = hawser_lane_ref (((LaneSource *) source)->lane);

  g_source_set_ready_time (source, -1);
  self->armed_us = -1;
  self->has_new_timers = TRUE;
  if (self->is_in_turn)
    {
      hawser_lane_unref (self); /* inside a callback of ours: that turn goes on, and arms this again at its end */
      return G_SOURCE_CONTINUE;
    }
  self->is_in_turn = TRUE;
  update_now (self);
  hawser_timer_wheel_run (&self->wheel, self->now_us);
  run_posted (self);
  flush_dirty (self, G_MAXUINT);
  self->is_in_turn = FALSE;
  fall_asleep (self);
  arm_timer_source (self);
  hawser_lane_unref (self);
  return G_SOURCE_CONTINUE;
}

static GSourceFuncs io_funcs = { .dispatch = dispatch_io };
static GSourceFuncs timer_funcs = { .dispatch = dispatch_timers };

static GSource *
add_source (HawserLane *self, GSourceFuncs *funcs, const char *name)
{
  GSource *source = g_source_new (funcs, sizeof (LaneSource));

  ((LaneSource *) source)->lane = self;
  g_source_set_static_name (source, name);
  return source;
}

static void
on_clock_moved (HawserClockWatch *watch)
{
  HawserLane *self = (HawserLane *) ((char *) watch - G_STRUCT_OFFSET (HawserLane, clock_watch));

  g_source_set_ready_time (self->timer_source, 0);
}

HawserLane *
hawser_lane_new (GMainContext *context, HawserClock *clock)
{
  HawserLane *self = g_new0 (HawserLane, 1);

  g_atomic_ref_count_init (&self->ref_count);
  self->context = context != NULL ? g_main_context_ref (context) : g_main_context_ref_thread_default ();
  self->clock = g_object_ref (clock != NULL ? clock : hawser_clock_get_system ());
  self->dirty_tail = &self->dirty;
  self->posted = g_array_new (FALSE, FALSE, sizeof (Posted));
  self->armed_us = -1;
  g_mutex_init (&self->lock);
  update_now (self);
  hawser_timer_wheel_init (&self->wheel, self->now_us);

  self->epoll_fd = epoll_create1 (EPOLL_CLOEXEC);
  if (self->epoll_fd < 0)
    g_error ("epoll_create1: %s", g_strerror (errno)); /* without it nothing can work */
  self->io_source = add_source (self, &io_funcs, "hawser lane i/o");
  self->io_tag = g_source_add_unix_fd (self->io_source, self->epoll_fd, G_IO_IN);
  /* a source that may not recurse is taken off the poll and put back around each dispatch: two system calls to wake a
   * loop that is awake, and one to hear of it */
  g_source_set_can_recurse (self->io_source, TRUE);
  g_source_attach (self->io_source, self->context);
  self->timer_source = add_source (self, &timer_funcs, "hawser lane timers");
  g_source_attach (self->timer_source, self->context);
  self->clock_watch.moved = on_clock_moved;
  hawser_clock_add_watch (self->clock, &self->clock_watch);
  return self;
}

static __thread HawserLane *waiting_lane;

/* Looks for @max_us without sleeping. */
static int
look_awake (HawserLane *self, gint64 began_us, gint64 max_us)
{
  int n;

  do
    n = epoll_wait (self->epoll_fd, self->events, MAX_EVENTS, 0);
  while (n == 0 && g_get_monotonic_time () - began_us < max_us);
  return n;
}

static gint64
get_cpu_ns (void)
{
  struct timespec time;

  clock_gettime (CLOCK_THREAD_CPUTIME_ID, &time);
  return time.tv_sec * G_GINT64_CONSTANT (1000000000) + time.tv_nsec;
}

static int
sleep_measured (HawserLane *self, int timeout_ms)
{
  gboolean is_measured = hawser_spin_wants_sleep (&self->spin);
  gint64 began_ns = is_measured ? get_cpu_ns () : 0;
  int n = epoll_wait (self->epoll_fd, self->events, MAX_EVENTS, timeout_ms);

  if (is_measured)
    hawser_spin_learn_sleep (&self->spin, get_cpu_ns () - began_ns);
  return n;
}

static int
wait_busily (HawserLane *self, int timeout_ms)
{
  gint64 began_us = g_get_monotonic_time (), look_us = hawser_spin_get_us (&self->spin);
  int n = look_us > 0 ? look_awake (self, began_us, timeout_ms < 0 ? look_us : MIN (look_us, timeout_ms * G_GINT64_CONSTANT (1000))) : 0;
  gboolean sleeps = n == 0;

  if (sleeps)
    n = sleep_measured (self, timeout_ms);
  hawser_spin_learn_gap (&self->spin, g_get_monotonic_time () - began_us, look_us > 0, sleeps);
  return n;
}

/* GLib's poll, for the context of the one lane that waits on this thread. */
static int
wait_for_events (GPollFD *fds, guint n_fds, int timeout_ms)
{
  HawserLane *self = waiting_lane;
  int n, n_ready = 0;

  if (self == NULL || self->is_in_turn || !hawser_lane_others_follow (&self->others, self->epoll_fd, fds, n_fds))
    return g_poll (fds, n_fds, timeout_ms);
  if (self->spin.max_us > 0 && timeout_ms != 0)
    n = wait_busily (self, timeout_ms);
  else
    n = epoll_wait (self->epoll_fd, self->events, MAX_EVENTS, timeout_ms);
  self->n_events = MAX (n, 0);
  self->has_waited = FALSE;
  for (guint i = 0; i < n_fds; i++)
    fds[i].revents = 0;
  for (int i = 0; i < n; i++)
    if (hawser_lane_is_other (self->events[i].data.ptr))
      {
        hawser_lane_others_report (&self->others, self->events[i].data.ptr, self->events[i].events, fds, n_fds);
        n_ready++;
      }
    else
      self->has_waited = TRUE;
  for (guint i = 0; self->has_waited && i < n_fds; i++)
    if (fds[i].fd == self->epoll_fd)
      fds[i].revents = G_IO_IN;
  return n < 0 ? n : n_ready + self->has_waited;
}

void
hawser_lane_wait_here (HawserLane *self)
{
  g_return_if_fail (waiting_lane == NULL);

  self->waits = TRUE;
  waiting_lane = self;
  g_main_context_set_poll_func (self->context, wait_for_events);
  hawser_prompt_ask ();
}

void
hawser_lane_set_busy_poll (HawserLane *self, gint64 max_us)
{
  hawser_spin_init (&self->spin, max_us);
}

gint64
hawser_lane_get_busy_poll (HawserLane *self)
{
  return self->spin.max_us;
}

void
hawser_lane_leave_here (HawserLane *self)
{
  if (!self->waits)
    return;
  self->waits = FALSE;
  waiting_lane = NULL;
  g_main_context_set_poll_func (self->context, NULL);
}

HawserLane *
hawser_lane_ref (HawserLane *self)
{
  g_atomic_ref_count_inc (&self->ref_count);
  return self;
}

static void
free_chunks (Chunk *chunk)
{
  while (chunk != NULL)
    {
      Chunk *next = chunk->next;

      g_free (chunk);
      chunk = next;
    }
}

void
hawser_lane_unref (HawserLane *self)
{
  if (self == NULL || !g_atomic_ref_count_dec (&self->ref_count))
    return;
  hawser_lane_leave_here (self);
  hawser_clock_remove_watch (self->clock, &self->clock_watch);
  g_source_destroy (self->io_source);
  g_source_unref (self->io_source);
  g_source_destroy (self->timer_source);
  g_source_unref (self->timer_source);
  close (self->epoll_fd);
  for (guint i = 0; i < N_CHUNK_SIZES; i++)
    free_chunks (self->free_chunks[i]);
  g_array_unref (self->posted);
  g_free (self->input);
  g_mutex_clear (&self->lock);
  g_object_unref (self->clock);
  g_main_context_unref (self->context);
  g_free (self);
}

gint64
hawser_lane_get_now_us (HawserLane *self)
{
  if (!self->is_in_turn)
    update_now (self);
  return self->now_us;
}

HawserClock *
hawser_lane_get_clock (HawserLane *self)
{
  return self->clock;
}

GMainContext *
hawser_lane_get_context (HawserLane *self)
{
  return self->context;
}

gboolean
hawser_lane_is_current (HawserLane *self)
{
  return self->is_in_turn || g_main_context_is_owner (self->context);
}

void
hawser_lane_post (HawserLane *self, HawserLaneFunc func, gpointer data)
{
  Posted item = { func, data };
  gboolean must_wake;

  g_mutex_lock (&self->lock);
  must_wake = self->posted->len == 0 && !self->is_awake;
  g_array_append_val (self->posted, item);
  g_mutex_unlock (&self->lock);
  if (must_wake)
    g_source_set_ready_time (self->io_source, 0); /* wakes the context; once a batch */
}

void
hawser_lane_unpost (HawserLane *self, HawserLaneFunc func, gpointer data)
{
  g_mutex_lock (&self->lock);
  for (guint i = self->posted->len; i-- > 0;)
    {
      Posted *item = &g_array_index (self->posted, Posted, i);

      if (item->func == func && item->data == data)
        g_array_remove_index (self->posted, i);
    }
  g_mutex_unlock (&self->lock);
}

void
hawser_lane_expect_company (HawserLane *self)
{
  self->has_company = TRUE;
}

void
hawser_lane_mark_dirty (HawserLane *self, HawserDirty *dirty)
{
  if (dirty->next != NULL || self->dirty_tail == &dirty->next)
    return;
  if (self->dirty == NULL && !self->is_in_turn)
    g_source_set_ready_time (self->io_source, 0);
  *self->dirty_tail = dirty;
  self->dirty_tail = &dirty->next;
}

void
hawser_lane_unmark_dirty (HawserLane *self, HawserDirty *dirty)
{
  HawserDirty **link = &self->dirty;

  if (dirty->next == NULL && self->dirty_tail != &dirty->next)
    return;
  while (*link != dirty)
    link = &(*link)->next;
  *link = dirty->next;
  if (self->dirty_tail == &dirty->next)
    self->dirty_tail = link;
  dirty->next = NULL;
}

void
hawser_lane_flush (HawserLane *self)
{
  gboolean was_in_turn = self->is_in_turn;

  self->is_in_turn = TRUE;
  flush_dirty (self, G_MAXUINT);
  self->is_in_turn = was_in_turn;
}

guint8 *
hawser_lane_get_input (HawserLane *self)
{
  if (self->input == NULL)
    self->input = g_malloc (HAWSER_LANE_INPUT_SIZE);
  return self->input;
}

void
hawser_lane_count_input (HawserLane *self, gsize len)
{
  self->n_input += len;
  if (G_UNLIKELY (self->n_input >= self->gauge_due))
    {
      self->gauge_due = self->gauge_step > 0 ? self->n_input + self->gauge_step : G_MAXUINT64;
      if (self->gauge != NULL)
        self->gauge (self->gauge_data);
    }
}

void
hawser_lane_set_gauge (HawserLane *self, guint64 step, HawserLaneFunc func, gpointer data)
{
  self->gauge = func;
  self->gauge_data = data;
  self->gauge_step = step;
  self->gauge_due = step > 0 ? self->n_input + step : G_MAXUINT64;
}

void
hawser_lane_set_tight (HawserLane *self, gboolean is_tight)
{
  self->is_tight = is_tight;
}

gboolean
hawser_lane_is_tight (HawserLane *self)
{
  return self->is_tight;
}

gboolean
hawser_lane_epoll_add (HawserLane *self, int fd, guint32 events, HawserPollable *pollable)
{
  struct epoll_event event = { .events = events, .data.ptr = pollable };

  return epoll_ctl (self->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

void
hawser_lane_epoll_modify (HawserLane *self, int fd, guint32 events, HawserPollable *pollable)
{
  struct epoll_event event = { .events = events, .data.ptr = pollable };

  epoll_ctl (self->epoll_fd, EPOLL_CTL_MOD, fd, &event);
}

void
hawser_lane_epoll_remove (HawserLane *self, int fd, HawserPollable *pollable)
{
  epoll_ctl (self->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
  for (int i = 0; i < self->n_events; i++)
    if (self->events[i].data.ptr == pollable)
      self->events[i].data.ptr = NULL;
}

/* What many messages leave behind is holes in the heap, which the C library keeps to itself unless it is asked. */
static void
trim (HawserTimer *timer)
{
  HawserLane *self = (HawserLane *) ((char *) timer - G_STRUCT_OFFSET (HawserLane, trim_timer));
  gsize given_back;
  gboolean has_blocks = hawser_block_trim (&given_back);

  self->freed += given_back;
  if (self->freed >= WORTH_TRIMMING)
    {
      self->freed = 0;
      for (guint i = 0; i < N_CHUNK_SIZES; i++)
        {
          free_chunks (g_steal_pointer (&self->free_chunks[i]));
          self->n_free_chunks[i] = 0;
        }
#ifdef __GLIBC__
      malloc_trim (0);
#endif
    }
  if (has_blocks)
    hawser_timer_arm (timer, self, self->now_us + TRIM_US, trim);
}

void
hawser_lane_note_blocks (HawserLane *self)
{
  if (!hawser_timer_is_armed (&self->trim_timer))
    hawser_timer_arm (&self->trim_timer, self, self->now_us + TRIM_US, trim);
}

void
hawser_lane_note_freed (HawserLane *self, gsize len)
{
  self->freed += len;
  if (self->freed >= WORTH_TRIMMING)
    hawser_lane_note_blocks (self);
}

gpointer
hawser_lane_take_chunk (HawserLane *self, gsize min_size, gsize *out_size)
{
  guint i = 0;
  Chunk *chunk;

  while (i < N_CHUNK_SIZES && chunk_sizes[i] < min_size)
    i++;
  if (i == N_CHUNK_SIZES)
    return g_malloc (*out_size = min_size);
  *out_size = chunk_sizes[i];
  chunk = self->free_chunks[i];
  if (chunk == NULL)
    return g_malloc (chunk_sizes[i]);
  self->free_chunks[i] = chunk->next;
  self->n_free_chunks[i]--;
  return chunk;
}

void
hawser_lane_give_chunk (HawserLane *self, gpointer memory, gsize size)
{
  Chunk *chunk = memory;

  for (guint i = 0; i < N_CHUNK_SIZES; i++)
    if (size == chunk_sizes[i] && self->n_free_chunks[i] < MAX_FREE_BYTES / size)
      {
        chunk->next = self->free_chunks[i];
        self->free_chunks[i] = chunk;
        self->n_free_chunks[i]++;
        return;
      }
  g_free (chunk);
}

void
hawser_timer_arm (HawserTimer *timer, HawserLane *lane, gint64 due_us, HawserTimerFunc func)
{
  if (timer->link != NULL)
    hawser_timer_disarm (timer);
  timer->due_us = due_us;
  timer->func = func;
  hawser_timer_wheel_add (&lane->wheel, timer);
  lane->has_new_timers = TRUE;
  if (!lane->is_in_turn && (lane->armed_us < 0 || due_us < lane->armed_us))
    arm_timer_source (lane);
}

void
hawser_timer_disarm (HawserTimer *timer)
{
  if (timer->link != NULL)
    hawser_timer_wheel_remove (timer);
}

static void
on_watch_ready (HawserPollable *pollable, guint32 events)
{
  HawserWatch *watch = (HawserWatch *) pollable;

  watch->func (watch, events, watch->data);
}

HawserWatch *
hawser_lane_watch (HawserLane *self, int fd, guint32 epoll_events, HawserWatchFunc func, gpointer data)
{
  HawserWatch *watch = g_new0 (HawserWatch, 1);

  watch->pollable.ready = on_watch_ready;
  watch->lane = hawser_lane_ref (self);
  watch->fd = fd;
  watch->func = func;
  watch->data = data;
  hawser_lane_epoll_add (self, fd, epoll_events, &watch->pollable);
  return watch;
}

void
hawser_watch_modify (HawserWatch *watch, guint32 epoll_events)
{
  hawser_lane_epoll_modify (watch->lane, watch->fd, epoll_events, &watch->pollable);
}

void
hawser_watch_free (HawserWatch *watch)
{
  if (watch == NULL)
    return;
  hawser_lane_epoll_remove (watch->lane, watch->fd, &watch->pollable);
  hawser_lane_unref (watch->lane);
  g_free (watch);
}
