/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where GLib hands something to another thread, said to the thread sanitizer, which cannot see inside GLib: thread
 * pools, tasks, and the last reference to an object. Preloaded together with posix-locks.c. */

#include <dlfcn.h>
#include <gio/gio.h>

/* Of the sanitizer's runtime, which only the tests have. */
void __tsan_acquire (void *place) __attribute__ ((weak));
void __tsan_release (void *place) __attribute__ ((weak));

static void
give (gpointer thing)
{
  if (__tsan_release != NULL)
    __tsan_release (thing);
}

static void
take (gpointer thing)
{
  if (__tsan_acquire != NULL)
    __tsan_acquire (thing);
}

typedef struct {
  GFunc func;
  gpointer user_data;
} Work;

static void
run_work (gpointer data,
          gpointer user_data)
{
  const Work *work = user_data;

  take (data);
  take (user_data);
  work->func (data, work->user_data);
  give (user_data);
}

GThreadPool *
g_thread_pool_new (GFunc      func,
                   gpointer   user_data,
                   gint       max_threads,
                   gboolean   exclusive,
                   GError   **error)
{
  GThreadPool *(*real) (GFunc, gpointer, gint, gboolean, GError **) = dlsym (RTLD_NEXT, "g_thread_pool_new");
  Work *work = g_new (Work, 1); /* as long as the process: a pool may have work after it was freed */

  work->func = func;
  work->user_data = user_data;
  give (work);
  return real (run_work, work, max_threads, exclusive, error);
}

gboolean
g_thread_pool_push (GThreadPool  *pool,
                    gpointer      data,
                    GError      **error)
{
  gboolean (*real) (GThreadPool *, gpointer, GError **) = dlsym (RTLD_NEXT, "g_thread_pool_push");

  give (data);
  return real (pool, data, error);
}

void
g_thread_pool_free (GThreadPool *pool,
                    gboolean     immediate,
                    gboolean     wait)
{
  void (*real) (GThreadPool *, gboolean, gboolean) = dlsym (RTLD_NEXT, "g_thread_pool_free");
  gpointer work = pool->user_data;

  real (pool, immediate, wait);
  if (wait)
    take (work);
}

static void
run_task (GTask        *task,
          gpointer      source,
          gpointer      task_data,
          GCancellable *cancellable)
{
  GTaskThreadFunc func;

  take (task);
  func = (GTaskThreadFunc) g_object_get_data (G_OBJECT (task), "task-thread-func");
  func (task, source, task_data, cancellable);
  give (task);
}

void
g_task_run_in_thread (GTask           *task,
                      GTaskThreadFunc  func)
{
  void (*real) (GTask *, GTaskThreadFunc) = dlsym (RTLD_NEXT, "g_task_run_in_thread");

  g_object_set_data (G_OBJECT (task), "task-thread-func", (gpointer) func);
  give (task);
  real (task, run_task);
}

void
g_task_return_pointer (GTask          *task,
                       gpointer        result,
                       GDestroyNotify  destroy)
{
  void (*real) (GTask *, gpointer, GDestroyNotify) = dlsym (RTLD_NEXT, "g_task_return_pointer");

  give (task);
  real (task, result, destroy);
}

gpointer
g_task_propagate_pointer (GTask   *task,
                          GError **error)
{
  gpointer (*real) (GTask *, GError **) = dlsym (RTLD_NEXT, "g_task_propagate_pointer");

  take (task);
  return real (task, error);
}

void
g_task_return_boolean (GTask    *task,
                       gboolean  result)
{
  void (*real) (GTask *, gboolean) = dlsym (RTLD_NEXT, "g_task_return_boolean");

  give (task);
  real (task, result);
}

gboolean
g_task_propagate_boolean (GTask   *task,
                          GError **error)
{
  gboolean (*real) (GTask *, GError **) = dlsym (RTLD_NEXT, "g_task_propagate_boolean");

  take (task);
  return real (task, error);
}

void
g_task_return_error (GTask  *task,
                     GError *error)
{
  void (*real) (GTask *, GError *) = dlsym (RTLD_NEXT, "g_task_return_error");

  give (task);
  real (task, error);
}

/* A count of references is atomic: whoever drops the last one sees what the others did. */
void
g_object_unref (gpointer object)
{
  static void (*real) (gpointer);

  if (real == NULL)
    real = dlsym (RTLD_NEXT, "g_object_unref");
  give (object);
  take (object);
  real (object);
}
