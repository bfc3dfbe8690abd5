/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The store role: what a plugin fills so that the spool survives the process. A store knows queues, messages by
 * position and values by key; it does not know topics, subscriptions or protocols, and it never retries: a change that
 * failed is reported as failed, and the spool decides.
 *
 * Context: every function is called on one thread at a time (the spool's writer), and blocks it. */

#include "hawser-store.h"

G_DEFINE_INTERFACE (HawserStore, hawser_store, G_TYPE_OBJECT)

static void
hawser_store_default_init (HawserStoreInterface *iface)
{
}

/**
 * hawser_store_open: (skip)
 * @self: a closed store
 * @path: a store of files: file name, in the encoding of the file system, its folder exists; another: the name under which it
 *   keeps what is ours
 * @problem: called for each record found damaged, until the store is closed
 * @problem_data: for @problem
 * @error: return location
 *
 * Opens the store, making it if there is none, and keeps everybody else out. What is damaged is set aside under a name
 * that is told to @problem; what is sound stays readable.
 *
 * Errors: %HAWSER_ERROR_EXISTS (another process holds it), %HAWSER_ERROR_INVALID (not a store, or of a newer version:
 *   left untouched), %HAWSER_ERROR_CORRUPT (damaged beyond use), %HAWSER_ERROR_UNAVAILABLE (disk refuses).
 * Context: the one thread that uses the store; blocks.
 *
 * Returns: %TRUE if it is open
 * Since: 0.1
 */
gboolean
hawser_store_open (HawserStore *self, const char *path, HawserStoreProblemFunc problem, gpointer problem_data, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_STORE (self), FALSE);
  g_return_val_if_fail (path != NULL && problem != NULL, FALSE);

  return HAWSER_STORE_GET_IFACE (self)->open (self, path, problem, problem_data, error);
}

/**
 * hawser_store_close: (skip)
 * @self: a store
 *
 * Lets go of the files; everything applied is in them. Closing a closed store does nothing.
 *
 * Context: the one thread that uses the store; blocks.
 * Since: 0.1
 */
void
hawser_store_close (HawserStore *self)
{
  g_return_if_fail (HAWSER_IS_STORE (self));

  HAWSER_STORE_GET_IFACE (self)->close (self);
}

/**
 * hawser_store_apply: (skip)
 * @self: an open store
 * @ops: changes, in order
 * @n_ops: how many; 0 with @sync makes everything applied before it durable
 * @sync: %TRUE: on the disk when this returns; %FALSE: safe from the death of the process only
 * @error: return location
 *
 * Makes all changes, or none; none too if a conditional one finds another revision than it expects (changes before it in the
 * same call count): a stale writer overwrites nothing. A message appended to several queues is kept once, until it has left the last of them.
 * After a failure nothing is retried in here: the next call starts anew, by opening the files again if it must.
 * After a failure of the disk it is unknown whether the changes are there after a crash; removing what was
 * appended (%HAWSER_STORE_ACK) is harmless either way.
 *
 * Errors: %HAWSER_ERROR_UNAVAILABLE (disk full or failing), %HAWSER_ERROR_CORRUPT (the files are damaged),
 *   %HAWSER_ERROR_TOO_LARGE (a record the store cannot hold), %HAWSER_ERROR_CONFLICT (a value has another revision),
 *   %HAWSER_ERROR_CLOSED.
 * Context: the one thread that uses the store; blocks, with @sync for as long as the disk takes.
 *
 * Returns: %TRUE if everything was applied
 * Since: 0.1
 */
gboolean
hawser_store_apply (HawserStore *self, const HawserStoreOp *ops, guint n_ops, gboolean sync, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_STORE (self), FALSE);
  g_return_val_if_fail (ops != NULL || n_ops == 0, FALSE);

  return HAWSER_STORE_GET_IFACE (self)->apply (self, ops, n_ops, sync, error);
}

/**
 * hawser_store_foreach_queue: (skip)
 * @self: an open store
 * @func: called for each queue; must not change the store
 * @data: for @func
 * @error: return location
 *
 * Context: the one thread that uses the store; blocks.
 *
 * Returns: %FALSE if the store could not be read
 * Since: 0.1
 */
gboolean
hawser_store_foreach_queue (HawserStore *self, HawserStoreQueueFunc func, gpointer data, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_STORE (self) && func != NULL, FALSE);

  return HAWSER_STORE_GET_IFACE (self)->foreach_queue (self, func, data, error);
}

/**
 * hawser_store_foreach_entry: (skip)
 * @self: an open store
 * @func: called for each message of each queue; must not change the store
 * @data: for @func
 * @error: return location
 *
 * Walks what waits, by queue and position, without reading the messages.
 *
 * Context: the one thread that uses the store; blocks.
 *
 * Returns: %FALSE if the store could not be read
 * Since: 0.1
 */
gboolean
hawser_store_foreach_entry (HawserStore *self, HawserStoreEntryFunc func, gpointer data, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_STORE (self) && func != NULL, FALSE);

  return HAWSER_STORE_GET_IFACE (self)->foreach_entry (self, func, data, error);
}

/**
 * hawser_store_foreach_value: (skip)
 * @self: an open store
 * @space: name of a set of values
 * @func: called for each value; must not change the store
 * @data: for @func
 * @error: return location
 *
 * Context: the one thread that uses the store; blocks.
 *
 * Returns: %FALSE if the store could not be read
 * Since: 0.1
 */
gboolean
hawser_store_foreach_value (HawserStore *self, const char *space, HawserStoreValueFunc func, gpointer data, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_STORE (self) && space != NULL && func != NULL, FALSE);

  return HAWSER_STORE_GET_IFACE (self)->foreach_value (self, space, func, data, error);
}

/**
 * hawser_store_get_value: (skip)
 * @self: an open store
 * @space: name of a set of values
 * @key: name in the set
 * @func: called once if there is such a value; must not change the store
 * @data: for @func
 * @error: return location
 *
 * A damaged value is told to the problem function and is as one that is not there.
 *
 * Context: the one thread that uses the store; blocks.
 *
 * Returns: %FALSE if the store could not be read
 * Since: 0.1
 */
gboolean
hawser_store_get_value (HawserStore *self, const char *space, const char *key, HawserStoreValueFunc func, gpointer data, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_STORE (self) && space != NULL && key != NULL && func != NULL, FALSE);

  return HAWSER_STORE_GET_IFACE (self)->get_value (self, space, key, func, data, error);
}

/**
 * hawser_store_read: (skip)
 * @self: an open store
 * @queue: number of the queue
 * @first: lowest position wanted
 * @func: called for each message until it says enough; must not change the store
 * @data: for @func
 * @error: return location
 *
 * Reads a queue in order. A damaged message is set aside, told to the problem function and left out.
 *
 * Context: the one thread that uses the store; blocks.
 *
 * Returns: %FALSE if the store could not be read
 * Since: 0.1
 */
gboolean
hawser_store_read (HawserStore *self, guint32 queue, guint64 first, HawserStoreMessageFunc func, gpointer data, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_STORE (self) && func != NULL, FALSE);

  return HAWSER_STORE_GET_IFACE (self)->read (self, queue, first, func, data, error);
}

/**
 * hawser_store_check: (skip)
 * @self: an open store
 * @error: return location
 *
 * Reads every record and tells the problem function what is damaged; changes nothing.
 *
 * Context: the one thread that uses the store; blocks for as long as reading it all takes.
 *
 * Returns: %FALSE if the check could not be carried to its end
 * Since: 0.1
 */
gboolean
hawser_store_check (HawserStore *self, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_STORE (self), FALSE);

  return HAWSER_STORE_GET_IFACE (self)->check (self, error);
}

/**
 * hawser_store_get_info: (skip)
 * @self: a store
 * @out_info: (out caller-allocates): filled in; zero when it is closed
 *
 * Context: the one thread that uses the store.
 * Since: 0.1
 */
void
hawser_store_get_info (HawserStore *self, HawserStoreInfo *out_info)
{
  g_return_if_fail (HAWSER_IS_STORE (self) && out_info != NULL);

  *out_info = (HawserStoreInfo) { 0 };
  HAWSER_STORE_GET_IFACE (self)->get_info (self, out_info);
}

/**
 * hawser_store_maintain: (skip)
 * @self: an open store
 * @error: return location
 *
 * One bounded step of housekeeping (folding the log into the file, giving room back), called while nobody waits.
 *
 * Context: the one thread that uses the store; blocks for milliseconds.
 *
 * Returns: %TRUE if there is more to do
 * Since: 0.1
 */
gboolean
hawser_store_maintain (HawserStore *self, GError **error)
{
  g_return_val_if_fail (HAWSER_IS_STORE (self), FALSE);

  if (HAWSER_STORE_GET_IFACE (self)->maintain == NULL)
    return FALSE;
  return HAWSER_STORE_GET_IFACE (self)->maintain (self, error);
}
