/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Lists of twins: all of them or the children of one, those that a query selects, sorted, a page at a time. The table is read as
 * it is: what was written before the call is found. Without a sort the order is that of coming, and the cursor a place in
 * it, so a page costs the same at the end as at the start. On the bus's lane. */

#include "hawser-twin-query-private.h"

#include <string.h>

#include "hawser-error.h"

#define MAX_LIMIT 10000
#define DEFAULT_LIMIT 100

typedef struct {
  HawserTwinRef twin;
  HawserTwinOperand key;
} Found;

typedef struct {
  HawserTwins *self;
  HawserTwinQuery *query;
  HawserTwinNode *node;            /* NULL: the whole table */
  guint at;
} Walk;

static gboolean
begin (Walk *walk, HawserTwins *self, const char *parent, const char *query, GError **error)
{
  *walk = (Walk) { .self = self };
  if (parent != NULL)
    {
      static HawserTwinNode leaf;
      HawserTwinRef twin = hawser_twins_lookup (self, parent, FALSE, error);
      HawserTwinExtra *extra;

      if (twin == 0)
        return FALSE;
      extra = hawser_twin_extra (self, hawser_twin_get (self, twin));
      walk->node = extra != NULL && extra->node != NULL ? extra->node : &leaf;
    }
  if (query != NULL && *query != '\0')
    {
      walk->query = hawser_twin_query_new (query, error);
      if (walk->query == NULL)
        return FALSE;
    }
  return TRUE;
}

static HawserTwinRef
next (Walk *walk)
{
  HawserTwins *self = walk->self;

  for (;;)
    {
      HawserTwinRef twin;

      if (walk->node != NULL)
        {
          if (walk->at >= walk->node->n)
            return 0;
          twin = walk->node->children[walk->at++];
        }
      else
        {
          twin = ++walk->at;
          if (twin >= self->n_used)
            return 0;
          if (!(hawser_twin_get (self, twin)->flags & HAWSER_TWIN_IS_USED))
            continue;
        }
      hawser_twins_settle (self); /* looking at those that are not in memory brings them there */
      if (walk->query == NULL || hawser_twin_query_matches (walk->query, self, twin))
        return twin;
    }
}

/**
 * hawser_twins_count:
 * @self: twins
 * @parent: (nullable): only its children; %NULL for all twins
 * @query: (nullable): as of hawser_twins_write_list()
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND (parent), %HAWSER_ERROR_INVALID (query).
 *
 * Returns: how many there are; -1 on error
 * Since: 0.1
 */
gint64
hawser_twins_count (HawserTwins *self, const char *parent, const char *query, GError **error)
{
  Walk walk;
  gint64 n = 0;

  if (!begin (&walk, self, parent, query, error))
    return -1;
  while (next (&walk) != 0)
    n++;
  hawser_twin_query_free (walk.query);
  return n;
}

/**
 * hawser_twins_count_readable: (skip)
 * @self: twins
 * @context: who asks
 * @parent: (nullable): of the children of this twin; %NULL for all
 * @query: (nullable): an expression as hawser_twins_write_list() takes it
 * @error: return location
 *
 * What hawser_twins_count() counts, without those that the asker may not read: a number would tell of them.
 *
 * Errors: %HAWSER_ERROR_INVALID (the expression), %HAWSER_ERROR_NOT_FOUND (the parent).
 * Context: the bus's.
 *
 * Returns: how many; -1 on error
 * Since: 0.1
 */
gint64
hawser_twins_count_readable (HawserTwins *self, const HawserPolicyContext *context, const char *parent, const char *query, GError **error)
{
  HawserTwinRef twin;
  Walk walk;
  gint64 n = 0;

  if (!begin (&walk, self, parent, query, error))
    return -1;
  while ((twin = next (&walk)) != 0)
    n += hawser_twins_check_read (self, context, hawser_twins_get_id (self, twin)) == HAWSER_RESULT_OK;
  hawser_twin_query_free (walk.query);
  return n;
}

static int
compare_keys (const HawserTwinOperand *a, const HawserTwinOperand *b)
{
  static const char order[] = "-bnsj"; /* what has no value is first */

  if (a->kind != b->kind)
    return strchr (order, a->kind) < strchr (order, b->kind) ? -1 : 1;
  if (a->kind == 's')
    return strcmp (a->text, b->text);
  return (a->number > b->number) - (a->number < b->number);
}

static int
compare_found (gconstpointer left, gconstpointer right, gpointer data)
{
  const Found *a = left, *b = right;
  const gboolean *is_down = data;
  int order = compare_keys (&a->key, &b->key);

  if (order == 0)
    return a->twin < b->twin ? -1 : a->twin > b->twin;
  return *is_down ? -order : order;
}

static void
clear_found (gpointer data)
{
  g_free (((Found *) data)->key.owned);
}

static int
compare_refs (gconstpointer a, gconstpointer b)
{
  HawserTwinRef left = *(const HawserTwinRef *) a, right = *(const HawserTwinRef *) b;

  return left < right ? -1 : left > right;
}

/* In order of coming, after @cursor: as many as asked for and one more, which says that there is more. */
static void
list_unsorted (Walk *walk, HawserTwinRef after, guint limit, GArray *out)
{
  HawserTwinRef twin;

  if (walk->node == NULL)
    walk->at = after;
  while ((twin = next (walk)) != 0)
    {
      if (twin <= after)
        continue;
      g_array_append_val (out, twin);
      if (walk->node == NULL && out->len > limit)
        return;
      /* children are in no order: what cannot be on the page goes from time to time */
      if (walk->node != NULL && out->len >= 4 * (gsize) limit + 1024)
        {
          g_array_sort (out, compare_refs);
          g_array_set_size (out, limit + 1);
        }
    }
  g_array_sort (out, compare_refs);
  if (out->len > limit + 1)
    g_array_set_size (out, limit + 1);
}

static void
list_sorted (Walk *walk, const char *sort, guint skip, guint limit, GArray *out)
{
  g_autoptr (GArray) found = g_array_new (FALSE, FALSE, sizeof (Found));
  gboolean is_down = *sort == '-';
  HawserTwinPath path;
  Found entry;

  g_array_set_clear_func (found, clear_found);
  if (*sort == '-' || *sort == '+')
    sort++;
  hawser_twin_path_init (&path, sort, strlen (sort));
  while ((entry.twin = next (walk)) != 0)
    {
      hawser_twins_settle (walk->self);
      hawser_twin_path_read (&path, walk->self, entry.twin, &entry.key);
      g_array_append_val (found, entry);
    }
  hawser_twin_path_clear (&path);
  g_array_sort_with_data (found, compare_found, &is_down);
  for (guint i = skip; i < found->len && out->len <= limit; i++)
    g_array_append_val (out, g_array_index (found, Found, i).twin);
}

static gboolean
read_cursor (const char *cursor, guint64 *out_value, GError **error)
{
  *out_value = 0;
  if (cursor == NULL || *cursor == '\0' || g_ascii_string_to_unsigned (cursor, 36, 0, G_MAXUINT32, out_value, NULL))
    return TRUE;
  g_set_error (error, HAWSER_ERROR, HAWSER_ERROR_INVALID, "'%.40s' is no cursor of a list", cursor);
  return FALSE;
}

/**
 * hawser_twins_write_list:
 * @self: twins
 * @parent: (nullable): only its children; %NULL for all twins
 * @query: (nullable): what they must be, such as `and(eq(state,"online"),gt(reported/soc,20))`: eq ne gt ge lt le (PATH,VALUE), in(PATH,VALUE,…),
 *   like(PATH,"a*"), exists(PATH), and(…) or(…) not(…). Paths: id, parent, state, revision, family, reported/KEY, desired/KEY, attributes/KEY/MEMBER
 * @sort: (nullable): a path, with `-` before it for the largest first; %NULL for the order of coming
 * @cursor: (nullable): `next` of the page before
 * @limit: twins at most, 1 to 10000; 0 for 100
 * @out: `{"items":[TWIN,…],"next":CURSOR-or-null}` is appended
 * @error: return location
 *
 * Errors: %HAWSER_ERROR_NOT_FOUND (parent), %HAWSER_ERROR_INVALID (query, cursor).
 *
 * Returns: %TRUE if @out was written
 * Since: 0.1
 */
gboolean
hawser_twins_write_list (HawserTwins *self, const char *parent, const char *query, const char *sort, const char *cursor, guint limit, GString *out, GError **error)
{
  g_autoptr (GArray) refs = g_array_new (FALSE, FALSE, sizeof (HawserTwinRef));
  guint64 after;
  Walk walk;

  limit = limit == 0 ? DEFAULT_LIMIT : MIN (limit, MAX_LIMIT);
  if (!read_cursor (cursor, &after, error) || !begin (&walk, self, parent, query, error))
    return FALSE;
  if (sort != NULL && *sort != '\0')
    list_sorted (&walk, sort, (guint) after, limit, refs);
  else
    list_unsorted (&walk, (HawserTwinRef) after, limit, refs);
  hawser_twin_query_free (walk.query);

  g_string_append (out, "{\"items\":[");
  for (guint i = 0; i < MIN (refs->len, limit); i++)
    {
      if (i > 0)
        g_string_append_c (out, ',');
      hawser_twins_settle (self);
      hawser_twin_write (self, g_array_index (refs, HawserTwinRef, i), out);
    }
  g_string_append (out, "],\"next\":");
  if (refs->len > limit)
    {
      guint64 value = sort != NULL && *sort != '\0' ? after + limit : g_array_index (refs, HawserTwinRef, limit - 1);
      char digits[16];
      guint n = sizeof digits;

      digits[--n] = '\0';
      do
        {
          digits[--n] = "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
          value /= 36;
        }
      while (value > 0);
      g_string_append_printf (out, "\"%s\"", digits + n);
    }
  else
    g_string_append (out, "null");
  g_string_append_c (out, '}');
  return TRUE;
}
