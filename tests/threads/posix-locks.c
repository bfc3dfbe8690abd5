/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GLib's locks by the system's, for the thread sanitizer: it knows pthread calls, and GLib on Linux makes its own of
 * futexes, which it cannot see. Preloaded by build-aux/check-threads, never part of anything that is installed. */

#include <glib.h>
#include <pthread.h>
#include <stdlib.h>

/* GLib's structs hold a pointer that is NULL before the first use; two threads may have the first use at once. */
static gpointer
publish (gpointer *place,
         gpointer  fresh)
{
  gpointer seen = NULL;

  if (__atomic_compare_exchange_n (place, &seen, fresh, FALSE, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
    return fresh;
  free (fresh);
  return seen;
}

static pthread_mutex_t *
mutex_of (gpointer *place,
          int       kind)
{
  pthread_mutex_t *mutex = __atomic_load_n (place, __ATOMIC_ACQUIRE);
  pthread_mutexattr_t attributes;

  if (mutex != NULL)
    return mutex;
  mutex = calloc (1, sizeof *mutex);
  if (mutex == NULL)
    abort ();
  pthread_mutexattr_init (&attributes);
  pthread_mutexattr_settype (&attributes, kind);
  pthread_mutex_init (mutex, &attributes);
  pthread_mutexattr_destroy (&attributes);
  return publish (place, mutex);
}

static pthread_cond_t *
cond_of (GCond *self)
{
  pthread_cond_t *cond = __atomic_load_n (&self->p, __ATOMIC_ACQUIRE);
  pthread_condattr_t attributes;

  if (cond != NULL)
    return cond;
  cond = calloc (1, sizeof *cond);
  if (cond == NULL)
    abort ();
  pthread_condattr_init (&attributes);
  pthread_condattr_setclock (&attributes, CLOCK_MONOTONIC);
  pthread_cond_init (cond, &attributes);
  pthread_condattr_destroy (&attributes);
  return publish (&self->p, cond);
}

static pthread_mutex_t *
plain (GMutex *self)
{
  return mutex_of (&self->p, PTHREAD_MUTEX_NORMAL);
}

static pthread_mutex_t *
recursive (GRecMutex *self)
{
  return mutex_of (&self->p, PTHREAD_MUTEX_RECURSIVE);
}

static void
clear (gpointer *place)
{
  if (*place != NULL)
    pthread_mutex_destroy (*place);
  free (*place);
  *place = NULL;
}

void
g_mutex_init (GMutex *self)
{
  self->p = NULL;
}

void
g_mutex_clear (GMutex *self)
{
  clear (&self->p);
}

void
g_mutex_lock (GMutex *self)
{
  pthread_mutex_lock (plain (self));
}

void
g_mutex_unlock (GMutex *self)
{
  pthread_mutex_unlock (plain (self));
}

gboolean
g_mutex_trylock (GMutex *self)
{
  return pthread_mutex_trylock (plain (self)) == 0;
}

void
g_rec_mutex_init (GRecMutex *self)
{
  self->p = NULL;
}

void
g_rec_mutex_clear (GRecMutex *self)
{
  clear (&self->p);
}

void
g_rec_mutex_lock (GRecMutex *self)
{
  pthread_mutex_lock (recursive (self));
}

void
g_rec_mutex_unlock (GRecMutex *self)
{
  pthread_mutex_unlock (recursive (self));
}

void
g_cond_init (GCond *self)
{
  self->p = NULL;
}

void
g_cond_clear (GCond *self)
{
  if (self->p != NULL)
    pthread_cond_destroy (self->p);
  free (self->p);
  self->p = NULL;
}

void
g_cond_wait (GCond  *self,
             GMutex *mutex)
{
  pthread_cond_wait (cond_of (self), plain (mutex));
}

gboolean
g_cond_wait_until (GCond  *self,
                   GMutex *mutex,
                   gint64  end_us)
{
  struct timespec end = { end_us / G_USEC_PER_SEC, (end_us % G_USEC_PER_SEC) * 1000 };

  return pthread_cond_timedwait (cond_of (self), plain (mutex), &end) == 0;
}

void
g_cond_signal (GCond *self)
{
  pthread_cond_signal (cond_of (self));
}

void
g_cond_broadcast (GCond *self)
{
  pthread_cond_broadcast (cond_of (self));
}
