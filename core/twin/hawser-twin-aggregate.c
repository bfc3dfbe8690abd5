/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is counted together up the tree. A report only marks the group of 64 children that its twin is in; when the interval is
 * over, marked groups are summed again from their children, then the groups of the node, then the node above. Nothing is
 * added to a running sum, so a sum is that of the values there are, a minimum that left is gone, and no error grows. One
 * timer for all nodes, on a grid of the interval, so that a change reaches the root in the turn in which it leaves the first
 * node. On the bus's lane. */

#include "hawser-timer-wheel.h"
#include "hawser-twins-private.h"

#include <math.h>
#include <string.h>

/* What is being summed: with the error of each addition kept (Neumaier), so that the order of a million sites is no matter. */
typedef struct {
  HawserTwinCell cells[HAWSER_TWIN_MAX_FIELDS];
  double errors[HAWSER_TWIN_MAX_FIELDS];
  HawserTwinTally tally;
} Sum;

static void
begin (Sum *sum, guint n_fields)
{
  for (guint f = 0; f < n_fields; f++)
    {
      sum->cells[f] = (HawserTwinCell) { 0, (double) INFINITY, -(double) INFINITY, 0, 0 };
      sum->errors[f] = 0;
    }
  memset (&sum->tally, 0, sizeof sum->tally);
}

static inline void
add (Sum *sum, guint f, double value, double min, double max, guint32 count)
{
  HawserTwinCell *cell = &sum->cells[f];
  double total = cell->sum + value;

  sum->errors[f] += fabs (cell->sum) >= fabs (value) ? (cell->sum - total) + value : (value - total) + cell->sum;
  cell->sum = total;
  if (min < cell->min)
    cell->min = min;
  if (max > cell->max)
    cell->max = max;
  cell->count += count;
}

static void
end (Sum *sum, guint n_fields)
{
  for (guint f = 0; f < n_fields; f++)
    if (isfinite (sum->cells[f].sum) && isfinite (sum->errors[f]))
      sum->cells[f].sum += sum->errors[f];
}

static void
add_cells (Sum *sum, const HawserTwinCell *cells, guint n_fields)
{
  for (guint f = 0; f < n_fields; f++)
    {
      if (cells[f].count > 0)
        add (sum, f, cells[f].sum, cells[f].min, cells[f].max, cells[f].count);
      sum->cells[f].functions |= cells[f].functions;
    }
}

static void
add_tally (Sum *sum, const HawserTwinTally *tally)
{
  sum->tally.online += tally->online;
  sum->tally.stale += tally->stale;
  sum->tally.offline += tally->offline;
  sum->tally.functions |= tally->functions;
}

/* Up to 64 children. Within a group numbers are added as they are, what they are is looked up once for all of one family. */
static void
add_children (HawserTwins *self, Sum *sum, const HawserTwinRef *children, guint n)
{
  guint8 fields[HAWSER_TWIN_MAX_FIELDS], columns[HAWSER_TWIN_MAX_FIELDS];
  guint n_pairs = 0, last = G_MAXUINT;

  for (guint c = 0; c < n; c++)
    {
      HawserTwinRecord *record = hawser_twin_get (self, children[c]);
      HawserTwinRow *row = hawser_twin_row (self, record);

      if (c + 4 < n)
        __builtin_prefetch (hawser_twin_get (self, children[c + 4]));
      if (G_UNLIKELY (record->family != last))
        {
          HawserTwinFamily *family = hawser_twin_family (self, record);

          last = record->family;
          n_pairs = 0;
          for (guint f = 0; f < self->n_fields; f++)
            {
              if (family->column_of_field[f] >= 0)
                {
                  fields[n_pairs] = (guint8) f;
                  columns[n_pairs++] = (guint8) family->column_of_field[f];
                }
              sum->cells[f].functions |= family->field_functions[f];
            }
          sum->tally.functions |= family->count_functions;
        }
      if (record->flags & HAWSER_TWIN_IS_DEVICE)
        {
          sum->tally.online += record->state == HAWSER_TWIN_STATE_ONLINE;
          sum->tally.stale += record->state == HAWSER_TWIN_STATE_STALE;
          sum->tally.offline += record->state == HAWSER_TWIN_STATE_OFFLINE;
        }
      if (row != NULL && record->state != HAWSER_TWIN_STATE_OFFLINE)
        for (guint p = 0; p < n_pairs; p++)
          if (columns[p] < row->n)
            {
              double value = row->values[columns[p]];
              HawserTwinCell *cell = &sum->cells[fields[p]];
              gboolean is_there = value == value; /* what is kept is finite or missing */

              cell->sum += is_there ? value : 0;
              cell->min = value < cell->min ? value : cell->min;
              cell->max = value > cell->max ? value : cell->max;
              cell->count += (guint32) is_there;
            }
      if (G_UNLIKELY (record->extra != 0) && !record->is_passive)
        {
          HawserTwinExtra *extra = self->extras[record->extra];

          if (extra->node != NULL && extra->node->cells != NULL)
            add_cells (sum, extra->node->cells, MIN (self->n_fields, extra->node->n_fields));
          if (extra->node != NULL)
            add_tally (sum, &extra->node->tally);
        }
    }
}

/* Room for today's children and fields; whatever was summed before is summed again when the shape changed. */
static void
fit (HawserTwins *self, HawserTwinNode *node)
{
  guint n_groups = (node->n + HAWSER_TWIN_FAN - 1) / HAWSER_TWIN_FAN, n_fields = self->n_fields, n_words = MAX (1, (n_groups + 63) / 64);

  if (node->n_fields != n_fields || node->cells == NULL)
    {
      node->cells = g_renew (HawserTwinCell, node->cells, n_fields + 1);
      for (guint f = node->n_fields; f < n_fields; f++)
        node->cells[f] = (HawserTwinCell) { 0, (double) INFINITY, -(double) INFINITY, 0, 0 };
      node->n_fields = n_fields;
      g_clear_pointer (&node->group_cells, g_free);
      g_clear_pointer (&node->group_tallies, g_free);
      g_clear_pointer (&node->dirty, g_free);
      node->n_groups = 0;
    }
  if (n_groups > node->n_groups || node->dirty == NULL)
    {
      guint old_words = node->dirty != NULL ? MAX (1, (node->n_groups + 63) / 64) : 0, room = n_groups + n_groups / 2 + 1, room_words = MAX (n_words, (room + 63) / 64);

      node->group_cells = g_renew (HawserTwinCell, node->group_cells, (gsize) room * (n_fields + 1));
      node->group_tallies = g_renew (HawserTwinTally, node->group_tallies, room);
      node->dirty = g_renew (guint64, node->dirty, room_words);
      for (guint w = old_words; w < room_words; w++)
        node->dirty[w] = 0;
      for (guint g = node->n_groups; g < room; g++)
        node->dirty[g / 64] |= (guint64) 1 << (g % 64);
      node->n_groups = room;
    }
}

void
hawser_twin_node_clear (HawserTwinNode *self)
{
  g_free (self->children);
  g_free (self->cells);
  g_free (self->group_cells);
  g_free (self->group_tallies);
  g_free (self->dirty);
}

static void on_interval (HawserTimer *timer);

static void
arm (HawserTwins *self, gint64 due_us)
{
  if (hawser_timer_is_armed (&self->aggregate_timer) && self->aggregate_due_us <= due_us)
    return;
  self->aggregate_due_us = due_us;
  hawser_timer_arm (&self->aggregate_timer, self->bus->lane, due_us, on_interval);
}

void
hawser_twin_mark_group (HawserTwins *self, HawserTwinRef parent, guint position)
{
  HawserTwinNode *node = hawser_twin_need_node (self, parent);
  guint group = position / HAWSER_TWIN_FAN;

  if (node->dirty != NULL && group < node->n_groups)
    node->dirty[group / 64] |= (guint64) 1 << (group % 64);
}

/* Whole ticks of the wheel, so that what is due then is not a tick late besides: it is told within @interval_us. */
static gint64
get_grid_us (gint64 interval_us)
{
  return MAX (interval_us / HAWSER_WHEEL_TICK_US, 1) * HAWSER_WHEEL_TICK_US;
}

/* Something of @twin that counts above it changed. */
void
hawser_twin_mark_parent (HawserTwins *self, HawserTwinRef twin)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinNode *node;
  gint64 interval_us, grid_us, now_us, due_us;

  if (record->parent == 0)
    return;
  node = self->extras[hawser_twin_get (self, record->parent)->extra]->node;
  if (G_LIKELY (node->dirty != NULL) && record->position / HAWSER_TWIN_FAN < node->n_groups)
    node->dirty[record->position / HAWSER_TWIN_FAN / 64] |= (guint64) 1 << (record->position / HAWSER_TWIN_FAN % 64);
  interval_us = hawser_twin_family (self, record)->aggregate_interval_us;
  if (G_LIKELY (node->is_dirty))
    {
      if (G_LIKELY (node->due_us - hawser_lane_get_now_us (self->bus->lane) <= interval_us))
        return;
    }
  else
    {
      node->is_dirty = TRUE;
      node->due_us = G_MAXINT64;
      g_array_append_val (self->dirty_nodes, record->parent);
    }
  now_us = hawser_lane_get_now_us (self->bus->lane);
  grid_us = get_grid_us (interval_us);
  due_us = (now_us / grid_us + 1) * grid_us; /* a grid: all nodes of one interval in one turn */
  if (due_us < node->due_us)
    {
      node->due_us = due_us;
      arm (self, due_us);
    }
}

static gboolean
is_same (const HawserTwinNode *node, const Sum *sum, guint n_fields)
{
  if (memcmp (&node->tally, &sum->tally, sizeof sum->tally) != 0)
    return FALSE;
  for (guint f = 0; f < n_fields; f++)
    {
      const HawserTwinCell *a = &node->cells[f], *b = &sum->cells[f];

      if (a->count != b->count || a->functions != b->functions || a->sum != b->sum || a->min != b->min || a->max != b->max)
        return FALSE;
    }
  return TRUE;
}

/* Whether anything is different. */
static gboolean
compute (HawserTwins *self, HawserTwinNode *node)
{
  guint n_groups = (node->n + HAWSER_TWIN_FAN - 1) / HAWSER_TWIN_FAN, n_fields = self->n_fields;
  Sum sum;

  fit (self, node);
  for (guint w = 0; w * 64 < node->n_groups; w++)
    for (guint64 bits = node->dirty[w]; bits != 0; bits &= bits - 1)
      {
        guint group = w * 64 + (guint) __builtin_ctzll (bits);

        if (group >= n_groups)
          break;
        begin (&sum, n_fields);
        add_children (self, &sum, node->children + group * HAWSER_TWIN_FAN, MIN (HAWSER_TWIN_FAN, node->n - group * HAWSER_TWIN_FAN));
        end (&sum, n_fields);
        memcpy (&node->group_cells[(gsize) group * (n_fields + 1)], sum.cells, n_fields * sizeof (HawserTwinCell));
        node->group_tallies[group] = sum.tally;
        node->dirty[w] &= ~((guint64) 1 << (group % 64));
      }
  begin (&sum, n_fields);
  for (guint g = 0; g < n_groups; g++)
    {
      add_cells (&sum, &node->group_cells[(gsize) g * (n_fields + 1)], n_fields);
      add_tally (&sum, &node->group_tallies[g]);
    }
  end (&sum, n_fields);
  if (is_same (node, &sum, n_fields))
    return FALSE;
  memcpy (node->cells, sum.cells, n_fields * sizeof (HawserTwinCell));
  node->tally = sum.tally;
  node->computed_us = hawser_twins_get_wall_us (self);
  node->revision++;
  return TRUE;
}

static guint
get_depth (HawserTwins *self, HawserTwinRef twin)
{
  guint depth = 0;

  for (HawserTwinRef i = hawser_twin_get (self, twin)->parent; i != 0 && depth < HAWSER_TWIN_MAX_DEPTH; depth++)
    i = hawser_twin_get (self, i)->parent;
  return depth;
}

static void
tell_aggregate (HawserTwins *self, HawserTwinRef twin)
{
  g_autoptr (GString) text = NULL;

  if (!hawser_twins_is_watched (self, twin))
    return;
  text = g_string_sized_new (256);
  hawser_twin_write_aggregate (self, twin, text);
  hawser_twins_tell (self, twin, HAWSER_TWIN_CHANGE_AGGREGATE, g_string_free (g_steal_pointer (&text), FALSE));
}

/* A node that is no thing itself is there when something below it is. */
static void
derive_state (HawserTwins *self, HawserTwinRef twin, const HawserTwinNode *node)
{
  HawserTwinRecord *record = hawser_twin_get (self, twin);
  HawserTwinState state = node->tally.online > 0 ? HAWSER_TWIN_STATE_ONLINE : node->tally.stale > 0 ? HAWSER_TWIN_STATE_STALE : HAWSER_TWIN_STATE_OFFLINE;

  if (!(record->flags & HAWSER_TWIN_IS_DEVICE) && record->state != state)
    hawser_twin_set_state (self, twin, state, "children");
}

/* The deepest first; what changes above joins in on its own level. */
static void
run (HawserTwins *self, gint64 until_us)
{
  GArray *levels[HAWSER_TWIN_MAX_DEPTH + 1] = { NULL };
  g_autoptr (GArray) left = g_array_new (FALSE, FALSE, sizeof (HawserTwinRef));

  for (guint i = 0; i < self->dirty_nodes->len; i++)
    {
      HawserTwinRef twin = g_array_index (self->dirty_nodes, HawserTwinRef, i);
      guint depth = get_depth (self, twin);

      if (levels[depth] == NULL)
        levels[depth] = g_array_new (FALSE, FALSE, sizeof (HawserTwinRef));
      g_array_append_val (levels[depth], twin);
    }
  g_array_set_size (self->dirty_nodes, 0);
  for (guint depth = HAWSER_TWIN_MAX_DEPTH + 1; depth-- > 0;)
    for (guint i = 0; levels[depth] != NULL && i < levels[depth]->len; i++)
      {
        HawserTwinRef twin = g_array_index (levels[depth], HawserTwinRef, i), parent = hawser_twin_get (self, twin)->parent;
        HawserTwinNode *node = hawser_twin_need_node (self, twin), *above;

        if (!node->is_dirty)
          continue;
        if (node->due_us > until_us)
          {
            g_array_append_val (left, twin);
            continue;
          }
        node->is_dirty = FALSE;
        if (!compute (self, node))
          continue;
        if (parent != 0 && depth > 0)
          {
            above = hawser_twin_need_node (self, parent);
            hawser_twin_mark_group (self, parent, hawser_twin_get (self, twin)->position);
            above->due_us = MIN (above->is_dirty ? above->due_us : G_MAXINT64, until_us);
            above->is_dirty = TRUE;
            if (levels[depth - 1] == NULL)
              levels[depth - 1] = g_array_new (FALSE, FALSE, sizeof (HawserTwinRef));
            g_array_append_val (levels[depth - 1], parent);
          }
        derive_state (self, twin, node);
        tell_aggregate (self, twin);
      }
  for (guint depth = 0; depth <= HAWSER_TWIN_MAX_DEPTH; depth++)
    if (levels[depth] != NULL)
      g_array_unref (levels[depth]);
  /* what derive_state() marked meanwhile was appended to the table's list and is due later; a node may be there twice */
  for (guint i = 0; i < left->len; i++)
    g_array_append_val (self->dirty_nodes, g_array_index (left, HawserTwinRef, i));
  self->aggregate_due_us = G_MAXINT64;
  for (guint i = 0; i < self->dirty_nodes->len; i++)
    self->aggregate_due_us = MIN (self->aggregate_due_us, hawser_twin_need_node (self, g_array_index (self->dirty_nodes, HawserTwinRef, i))->due_us);
  if (self->dirty_nodes->len > 0)
    hawser_timer_arm (&self->aggregate_timer, self->bus->lane, self->aggregate_due_us, on_interval);
}

static void
on_interval (HawserTimer *timer)
{
  HawserTwins *self = (HawserTwins *) (gpointer) ((guint8 *) timer - G_STRUCT_OFFSET (HawserTwins, aggregate_timer));

  run (self, hawser_lane_get_now_us (self->bus->lane));
}

/* For who cannot wait for the interval: closing, and tests of sums. */
void
hawser_twins_aggregate (HawserTwins *self)
{
  hawser_timer_disarm (&self->aggregate_timer);
  for (guint i = 0; i < HAWSER_TWIN_MAX_DEPTH && self->dirty_nodes->len > 0; i++)
    run (self, G_MAXINT64);
}
