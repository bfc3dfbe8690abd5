/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The twins of one bus: makes the parts, hands them to each other and offers them. The bus owns this object once it was asked
 * for. Records and tree are in hawser-twin-table.c, values in hawser-twin-values.c, sums in hawser-twin-aggregate.c, presence in
 * hawser-twin-connectivity.c, patches in hawser-twin-patch.c, queries in hawser-twin-search.c; what keeps twins on a disk and
 * runs behaviours is core/host. Context: the bus's, where nothing else is said. */

#include "hawser-twins.h"
#include "hawser-twins-private.h"

#include <math.h>
#include <string.h>

#include "hawser-error.h"
#include "hawser-hash.h"

G_DEFINE_FINAL_TYPE (HawserTwins, hawser_twins, G_TYPE_OBJECT)

static const GFlagsValue changes[] = {
  { HAWSER_TWIN_CHANGE_REPORTED, "HAWSER_TWIN_CHANGE_REPORTED", "reported" },
  { HAWSER_TWIN_CHANGE_DESIRED, "HAWSER_TWIN_CHANGE_DESIRED", "desired" },
  { HAWSER_TWIN_CHANGE_ATTRIBUTES, "HAWSER_TWIN_CHANGE_ATTRIBUTES", "attributes" },
  { HAWSER_TWIN_CHANGE_PARENT, "HAWSER_TWIN_CHANGE_PARENT", "parent" },
  { HAWSER_TWIN_CHANGE_STATE, "HAWSER_TWIN_CHANGE_STATE", "state" },
  { HAWSER_TWIN_CHANGE_AGGREGATE, "HAWSER_TWIN_CHANGE_AGGREGATE", "aggregate" },
  { HAWSER_TWIN_CHANGE_ADDED, "HAWSER_TWIN_CHANGE_ADDED", "added" },
  { HAWSER_TWIN_CHANGE_REMOVED, "HAWSER_TWIN_CHANGE_REMOVED", "removed" },
  { 0, NULL, NULL },
};

GType
hawser_twin_change_get_type (void)
{
  static gsize type;

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_flags_register_static ("HawserTwinChange", changes));
  return type;
}

static void
dispose (GObject *object)
{
  HawserTwins *self = HAWSER_TWINS (object);

  if (self->host != NULL)
    {
      GObject *host = self->host;

      g_object_run_dispose (host);
      g_object_unref (host);
    }
  hawser_twins_finish_asks (self);
  hawser_timer_disarm (&self->aggregate_timer);
  hawser_timer_disarm (&self->slot_timer);
  hawser_timer_disarm (&self->notify_timer);
  if (self->bus != NULL && self->event_dirty.flush != NULL)
    hawser_lane_unmark_dirty (self->bus->lane, &self->event_dirty);
  self->event_dirty.flush = NULL; /* the bus disposes of this before its lane goes; who holds it longer does so in vain */
  for (guint i = 0; i < self->lists->len; i++)
    hawser_twin_list_detach (self->lists->pdata[i]);
  g_ptr_array_set_size (self->lists, 0);
  g_clear_object (&self->model);
  for (guint i = 0; i < self->watchers->len; i++)
    hawser_twins_unobserve (self, ((HawserTwinWatcher *) self->watchers->pdata[i])->id);
  G_OBJECT_CLASS (hawser_twins_parent_class)->dispose (object);
}

static void
finalize (GObject *object)
{
  HawserTwins *self = HAWSER_TWINS (object);

  for (guint i = 0; i < self->events->len; i++)
    {
      HawserTwinEvent *event = self->events->pdata[i];

      g_free (event->id);
      g_free (event->json);
      hawser_message_unref (event->message);
      g_free (event);
    }
  g_ptr_array_unref (self->events);
  g_ptr_array_unref (self->watchers);
  g_ptr_array_unref (self->asks);
  g_hash_table_unref (self->links);
  g_hash_table_unref (self->gateways);
  g_hash_table_unref (self->present);
  g_ptr_array_unref (self->lists);
  hawser_twin_table_clear (self);
  g_array_unref (self->dirty_nodes);
  g_hash_table_unref (self->singles);
  g_ptr_array_unref (self->families);
  g_hash_table_unref (self->facades);
  g_hash_table_unref (self->sends);
  g_mutex_clear (&self->send_lock);
  for (guint f = 0; f < self->n_fields; f++)
    g_free (self->fields[f]);
  hawser_origin_unref (self->origin);
  G_OBJECT_CLASS (hawser_twins_parent_class)->finalize (object);
}

static void
hawser_twins_class_init (HawserTwinsClass *klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);

  object_class->dispose = dispose;
  object_class->finalize = finalize;
}

static void
hawser_twins_init (HawserTwins *self)
{
  HawserTwinFamily *rest = g_object_new (HAWSER_TYPE_TWIN_FAMILY, NULL);

  hawser_twin_table_init (self);
  self->families = g_ptr_array_new_with_free_func (g_object_unref);
  memset (rest->column_of_field, -1, sizeof rest->column_of_field);
  rest->is_compiled = TRUE;
  g_ptr_array_add (self->families, rest);
  self->singles = g_hash_table_new (hawser_hash_string, g_str_equal);
  self->version = 1;
  self->dirty_nodes = g_array_new (FALSE, FALSE, sizeof (HawserTwinRef));
  self->events = g_ptr_array_new ();
  self->watchers = g_ptr_array_new ();
  self->asks = g_ptr_array_new ();
  self->links = g_hash_table_new_full (NULL, NULL, NULL, hawser_twin_link_free);
  self->gateways = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_ref_string_release);
  self->present = g_hash_table_new_full (NULL, NULL, NULL, (GDestroyNotify) g_array_unref);
  self->lists = g_ptr_array_new ();
  self->facades = g_hash_table_new (NULL, NULL);
  self->sends = g_hash_table_new_full (hawser_hash_string, g_str_equal, g_free, NULL);
  g_mutex_init (&self->send_lock);
  self->group = (guint8) hawser_hash_bytes ("$twin", strlen ("$twin"));
  self->filter_version = G_MAXUINT64;
}

static const HawserTwinHook hook = {
  .message = hawser_twins_on_message,
  .link_lost = hawser_twins_link_lost,
  .identified = hawser_twins_identified,
  .connection_gone = hawser_twins_connection_gone,
};

/**
 * hawser_twins_get:
 * @bus: a bus
 *
 * Context: the bus's.
 *
 * Returns: (transfer none): the twins of @bus; made by the first call, gone with the bus
 * Since: 0.1
 */
HawserTwins *
hawser_twins_get (HawserBus *bus)
{
  HawserTwins *self = bus->twins;

  g_return_val_if_fail (HAWSER_IS_BUS (bus), NULL);
  if (self != NULL)
    return self;
  self = g_object_new (HAWSER_TYPE_TWINS, NULL);
  self->bus = bus;
  self->origin = hawser_origin_ref (bus->self_publisher->origin);
  bus->twin_hook = &hook;
  bus->twins = self;
  return self;
}

/**
 * hawser_bus_get_twins: (get-property twins)
 * @self: a bus
 *
 * Returns: (transfer none): #HawserTwin of everything that is in memory, in the order of coming
 * Since: 0.1
 */
GListModel *
hawser_bus_get_twins (HawserBus *self)
{
  return hawser_twins_get_model (hawser_twins_get (self));
}

/**
 * hawser_twins_get_bus:
 * @self: twins
 *
 * Returns: (transfer none): their bus
 * Since: 0.1
 */
HawserBus *
hawser_twins_get_bus (HawserTwins *self)
{
  return self->bus;
}

/**
 * hawser_twins_get_model:
 * @self: twins
 *
 * Returns: (transfer none): #HawserTwin of everything that is in memory, in the order of coming
 * Since: 0.1
 */
GListModel *
hawser_twins_get_model (HawserTwins *self)
{
  if (self->model == NULL)
    self->model = hawser_twin_list_new (self, NULL);
  return self->model;
}

/* ---- families ---- */

/* Which columns of a family are counted up the tree, and how. */
static void
map_fields (HawserTwins *self, HawserTwinFamily *family)
{
  for (guint f = 0; f < self->n_fields; f++)
    {
      family->column_of_field[f] = (gint8) hawser_twin_family_find_column (family, self->fields[f], strlen (self->fields[f]));
      family->field_functions[f] = 0;
      for (guint i = 0; i < family->functions->len; i++)
        {
          HawserTwinFunction *function = &g_array_index (family->functions, HawserTwinFunction, i);

          if (strcmp (function->key, self->fields[f]) == 0)
            family->field_functions[f] = (guint8) function->functions;
        }
    }
}

int
hawser_twins_need_column (HawserTwins *self, HawserTwinFamily *family, const char *key, gsize len)
{
  guint n = family->n_columns;
  int column = hawser_twin_family_need_column (family, key, len);

  if (family->n_columns > n)
    map_fields (self, family);
  return column;
}

static gboolean
add_fields (HawserTwins *self, HawserTwinFamily *family, GError **error)
{
  for (guint i = 0; i < family->functions->len; i++)
    {
      const char *key = g_array_index (family->functions, HawserTwinFunction, i).key;
      guint f = 0;

      while (f < self->n_fields && strcmp (self->fields[f], key) != 0)
        f++;
      if (f < self->n_fields)
        continue;
      if (self->n_fields == HAWSER_TWIN_MAX_FIELDS)
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA, "more than %d properties are counted together", HAWSER_TWIN_MAX_FIELDS);
          return FALSE;
        }
      self->fields[self->n_fields++] = g_strdup (key);
    }
  return TRUE;
}

static guint
to_ticks (gint64 us)
{
  return (guint) ((us + (1 << HAWSER_TWIN_TICK_SHIFT) - 1) >> HAWSER_TWIN_TICK_SHIFT);
}

/**
 * hawser_twins_add_family:
 * @self: twins
 * @family: (transfer none): a family; it is read only from here on
 * @error: return location
 *
 * Twins that are there already keep the family they have. A family of one (`single`) makes its twin at once.
 *
 * Errors: %HAWSER_ERROR_INVALID (a pattern or list; hawser_twin_family_check() says which), %HAWSER_ERROR_EXISTS (name),
 *   %HAWSER_ERROR_QUOTA.
 *
 * Returns: %TRUE if topics make twins of it from now on
 * Since: 0.1
 */
gboolean
hawser_twins_add_family (HawserTwins *self, HawserTwinFamily *family, GError **error)
{
  const char *property = NULL;

  for (guint i = 1; i < self->families->len; i++)
    {
      HawserTwinFamily *other = self->families->pdata[i];

      if (other == family || (other->is_single == family->is_single && strcmp (other->name, family->name) == 0))
        {
          g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_EXISTS, "twin family '%s': is there already", family->name);
          return FALSE;
        }
    }
  if (family->is_compiled || self->families->len >= HAWSER_TWIN_MAX_FAMILIES)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_QUOTA, "twin family '%s': is used elsewhere, or there are too many", family->name);
      return FALSE;
    }
  if (!hawser_twin_family_compile (family, &property, error) || (family->is_single && !hawser_twin_check_id (family->name, strlen (family->name), error)) ||
      !add_fields (self, family, error))
    {
      g_prefix_error (error, "twin family '%s'%s%s: ", family->name, property != NULL ? " " : "", property != NULL ? property : "");
      return FALSE;
    }
  family->is_compiled = TRUE;
  family->index = (guint16) self->families->len;
  family->offline_ticks = to_ticks (family->offline_after_us);
  family->stale_ticks = to_ticks (family->stale_after_us);
  family->idle_ticks = to_ticks (family->passivate_after_us);
  self->publishes |= family->publish_topic != NULL;
  self->has_presence |= family->is_single && family->presence_of != NULL;
  g_ptr_array_add (self->families, g_object_ref (family));
  for (guint i = 0; i < self->families->len; i++)
    map_fields (self, self->families->pdata[i]);
  self->version++;
  self->bus->topics.records_version++; /* what publishers remember of a topic is asked again */
  if (family->is_single)
    {
      g_hash_table_insert (self->singles, family->name, family);
      hawser_twin_activate (self, family->name, strlen (family->name), NULL);
    }
  return TRUE;
}

/* ---- finding ---- */

static HawserTwinRef
find (HawserTwins *self, const char *id, GError **error)
{
  HawserTwinRef twin = id != NULL ? hawser_twin_find (self, id, strlen (id)) : 0;

  if (twin == 0)
    {
      g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_NOT_FOUND, "there is no twin '%s'", id);
      return 0;
    }
  if (G_UNLIKELY (hawser_twin_get (self, twin)->is_passive) && self->n_live >= self->room_at)
    hawser_twins_make_room (self);
  hawser_twin_use (self, twin);
  return twin;
}

/**
 * hawser_twins_contains:
 * @self: twins
 * @id: a twin
 *
 * Returns: whether it is there, in memory or not
 * Since: 0.1
 */
gboolean
hawser_twins_contains (HawserTwins *self, const char *id)
{
  return id != NULL && hawser_twin_find (self, id, strlen (id)) != 0;
}

HawserTwinRef
hawser_twins_lookup (HawserTwins *self, const char *id, gboolean activate, GError **error)
{
  HawserTwinRef twin = activate ? hawser_twin_activate (self, id, strlen (id), error) : find (self, id, error);

  hawser_twins_settle (self);
  return twin;
}

const char *
hawser_twins_get_id (HawserTwins *self, HawserTwinRef twin)
{
  return hawser_twin_name (self, hawser_twin_get (self, twin))->text;
}

HawserTwinRef
hawser_twins_get_parent (HawserTwins *self, HawserTwinRef twin)
{
  return hawser_twin_get (self, twin)->parent;
}

HawserTwinState
hawser_twins_get_state (HawserTwins *self, HawserTwinRef twin)
{
  return hawser_twin_get (self, twin)->state;
}

guint64
hawser_twins_get_revision (HawserTwins *self, HawserTwinRef twin)
{
  return hawser_twin_get (self, twin)->revision;
}

guint
hawser_twins_get_n_twins (HawserTwins *self)
{
  return self->n_twins;
}

static HawserTwinNode *
get_node (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinExtra *extra = twin != 0 ? hawser_twin_extra (self, hawser_twin_get (self, twin)) : NULL;

  return twin == 0 ? &self->roots : extra != NULL ? extra->node : NULL;
}

guint
hawser_twins_get_n_children (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinNode *node = get_node (self, twin);

  return node != NULL ? node->n : 0;
}

HawserTwinRef
hawser_twins_get_child (HawserTwins *self, HawserTwinRef twin, guint position)
{
  HawserTwinNode *node = get_node (self, twin);

  return node != NULL && position < node->n ? node->children[position] : 0;
}

gboolean
hawser_twins_get_double (HawserTwins *self, HawserTwinRef twin, const char *key, double *out_value)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  int column = hawser_twin_family_find_column (hawser_twin_family (self, record), key, strlen (key));
  HawserTwinRow *row;

  hawser_twin_peek (self, twin);
  row = hawser_twin_row (self, record);

  if (row == NULL || column < 0 || (guint) column >= row->n || !isfinite (row->values[column]))
    return FALSE;
  *out_value = row->values[column];
  return TRUE;
}

int
hawser_twins_get_column (HawserTwins *self, HawserTwinRef twin, const char *key)
{
  return hawser_twins_need_column (self, hawser_twin_family (self, hawser_twin_get (self, twin)), key, strlen (key));
}

void
hawser_twins_report_columns (HawserTwins *self, HawserTwinRef twin, const int *columns, const double *values, guint n)
{
  const HawserTwinReport report = { 0, NULL, 0 };

  hawser_twin_set_numbers (self, twin, columns, values, n, &report);
}

/* Of the numbers that come, 24 ahead the record, 16 ahead the row and 8 ahead what stands beside it: as many misses of the
 * cache are on their way at a time as a core can wait for. */
void
hawser_twins_report_numbers (HawserTwins *self, const HawserTwinNumber *numbers, gsize n)
{
  const HawserTwinReport report = { 0, NULL, 0 };

  for (gsize i = 0; i < n; i++)
    {
      if (i + 24 < n)
        __builtin_prefetch (hawser_twin_get (self, numbers[i + 24].twin), 1);
      if (i + 16 < n)
        __builtin_prefetch (hawser_twin_row (self, hawser_twin_get (self, numbers[i + 16].twin)), 1);
      if (i + 8 < n)
        {
          HawserTwinRow *row = hawser_twin_row (self, hawser_twin_get (self, numbers[i + 8].twin));

          if (row != NULL && row->marks != 0)
            __builtin_prefetch ((HawserTwinMark *) hawser_twin_pool_get (&self->pool, row->marks) + numbers[i + 8].column, 1);
        }
      hawser_twin_set_numbers (self, numbers[i].twin, &numbers[i].column, &numbers[i].value, 1, &report);
    }
}

/* ---- reading ---- */

/**
 * hawser_twins_write:
 * @self: twins
 * @id: a twin
 * @out: its JSON is appended: `{"id","parent","state","revision","reported":{KEY:{"value","time","source","revision"}},"desired","attributes"}`
 * @out_revision: (out) (optional): for a condition of the next write
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND.
 *
 * Returns: %TRUE if @out was written
 * Since: 0.1
 */
gboolean
hawser_twins_write (HawserTwins *self, const char *id, GString *out, guint64 *out_revision, GError **error)
{
  HawserTwinRef twin = find (self, id, error);

  if (twin == 0)
    return FALSE;
  if (out_revision != NULL)
    *out_revision = hawser_twin_get (self, twin)->revision;
  hawser_twin_write (self, twin, out);
  return TRUE;
}

/**
 * hawser_twins_dup_json:
 * @self: twins
 * @id: a twin
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND.
 *
 * Returns: (transfer full): what hawser_twins_write() appends
 * Since: 0.1
 */
char *
hawser_twins_dup_json (HawserTwins *self, const char *id, GError **error)
{
  g_autoptr (GString) out = g_string_sized_new (512);

  return hawser_twins_write (self, id, out, NULL, error) ? g_string_free (g_steal_pointer (&out), FALSE) : NULL;
}

/**
 * hawser_twins_write_aggregate:
 * @self: twins
 * @id: a twin
 * @out: `{"id","revision","time","stale","missing","aggregate":{KEY:{"sum","mean",…},"count":{"online"}}}` is appended
 * @error: return location
 *
 * What the live twins below @id come to: online and stale ones; at most one aggregate interval old. `stale` says that some of
 * them are missing or silent.
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND.
 *
 * Returns: %TRUE if @out was written
 * Since: 0.1
 */
gboolean
hawser_twins_write_aggregate (HawserTwins *self, const char *id, GString *out, GError **error)
{
  HawserTwinRef twin = find (self, id, error);

  if (twin == 0)
    return FALSE;
  hawser_twin_write_aggregate (self, twin, out);
  return TRUE;
}

/**
 * hawser_twins_get_counts:
 * @self: twins
 * @out_online: (out) (optional): how many are online
 * @out_stale: (out) (optional): how many are stale
 * @out_offline: (out) (optional): how many are offline
 *
 * Inner nodes count too.
 *
 * Since: 0.1
 */
void
hawser_twins_get_counts (HawserTwins *self, guint *out_online, guint *out_stale, guint *out_offline)
{
  if (out_online != NULL)
    *out_online = self->states[HAWSER_TWIN_STATE_ONLINE];
  if (out_stale != NULL)
    *out_stale = self->states[HAWSER_TWIN_STATE_STALE];
  if (out_offline != NULL)
    *out_offline = self->states[HAWSER_TWIN_STATE_OFFLINE];
}

/**
 * hawser_twins_dup_twin:
 * @self: twins
 * @id: a twin
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND.
 *
 * Returns: (transfer full): an object of it, the same for all who hold it
 * Since: 0.1
 */
HawserTwin *
hawser_twins_dup_twin (HawserTwins *self, const char *id, GError **error)
{
  HawserTwinRef twin = find (self, id, error);

  return twin != 0 ? (HawserTwin *) hawser_local_twin_new (self, twin) : NULL;
}
