/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A tree of topic levels, used by the bus for routing (keyed by filters) and for retained values (keyed by names).
 *
 * Shape: one allocation per node with the text of its level inline. `+` and `#` are direct pointers. The named children
 * are nothing, one pointer, or an open-addressing table of buckets. A bucket is one cache line: seven pointers, a byte of
 * hash for each, so that a probe that misses touches no node, and the number of entries that went past it because it was
 * full, so that a search knows when to stop and removing leaves no mark. The hash is seeded (hawser-hash.h): nobody can
 * choose siblings that collide, and the cost of a step does not grow with their number.
 *
 * No walk recurses: the depth of a path is chosen by strangers. Walks keep a stack in the frame of the function, which
 * moves to the heap past MAX_INLINE levels; names that passed hawser_topic_name_check() never get there.
 *
 * Not thread-safe: the owner (a lane) calls it. Values are the owner's; the tree neither refs nor frees them. */

#include "hawser-match-tree.h"

#include <string.h>

#include "hawser-hash.h"

#define MAX_INLINE 132 /* HAWSER_TOPIC_MAX_LEVELS and the root, rounded up */
#define BUCKET_SLOTS 7 /* with their tags: 64 bytes */
#define BUCKET_LOAD 6  /* mean at which a table of several buckets grows; half of that after it has */
#define MAX_OVER 255   /* stays there: the bucket is then searched past until the table is made anew */

typedef struct _Node Node;

typedef struct {
  guint8 tags[BUCKET_SLOTS]; /* 0 for empty */
  guint8 n_over;
  Node *slots[BUCKET_SLOTS];
} Bucket;

struct _Node {
  HawserMatchNode base;
  Node *parent;    /* NULL: the root */
  Node *plus;
  Node *hash;
  union {
    Node *only;
    Bucket *table; /* then a guint32: the number of children */
  } children;
  guint32 key;     /* of the text */
  guint16 len;
  guint8 table_size; /* 0: no table; else log2 of its buckets, plus 1 */
  char text[];     /* of this level, not terminated */
};

struct _HawserMatchTree {
  Node *root;
  gsize n_nodes;
  gsize n_bytes;   /* asked of the allocator */
};

typedef struct {
  const char *text;
  guint32 len;
  guint32 key;
} Level;

/* A path cut into levels; on the heap past MAX_INLINE. */
typedef struct {
  Level *levels;
  guint n;
  Level fixed[MAX_INLINE];
} Path;

static inline guint32
hash_level (const char *text, gsize len)
{
  return (guint32) hawser_hash_bytes (text, len);
}

static void
path_init (Path *self, const char *text, gsize len)
{
  const char *end = text + len;
  guint n_max = MAX_INLINE;

  self->levels = self->fixed;
  self->n = 0;
  for (;;)
    {
      const char *slash = text;

      /* levels are a few bytes long: a loop beats memchr() */
      while (slash < end && *slash != '/')
        slash++;
      if (G_UNLIKELY (self->n == n_max))
        {
          Level *grown = g_new (Level, (gsize) n_max * 2);

          memcpy (grown, self->levels, n_max * sizeof (Level));
          if (self->levels != self->fixed)
            g_free (self->levels);
          self->levels = grown;
          n_max *= 2;
        }
      self->levels[self->n++] = (Level){ text, (guint32) (slash - text), hash_level (text, (gsize) (slash - text)) };
      if (slash == end)
        return;
      text = slash + 1;
    }
}

static inline void
path_clear (Path *self)
{
  if (G_UNLIKELY (self->levels != self->fixed))
    g_free (self->levels);
}

static inline gboolean
level_is (const Level *level, char wildcard)
{
  return level->len == 1 && level->text[0] == wildcard;
}

static inline guint8
tag_of (guint32 key)
{
  return (guint8) (key >> 24) | 1;
}

static inline gsize
n_buckets (const Node *node)
{
  return (gsize) 1 << (node->table_size - 1);
}

static inline guint32 *
n_children (Node *node)
{
  return (guint32 *) &node->children.table[n_buckets (node)];
}

static inline gsize
table_bytes (gsize size)
{
  return size * sizeof (Bucket) + sizeof (guint32);
}

/* High bit set in each byte of the result where @tags has @tag, the byte of n_over left out. */
static inline guint64
find_tag (const Bucket *bucket, guint8 tag)
{
  const guint64 low = G_GUINT64_CONSTANT (0x7f7f7f7f7f7f7f7f);
  guint64 word;

  memcpy (&word, bucket->tags, sizeof word);
  word = GUINT64_FROM_LE (word) ^ G_GUINT64_CONSTANT (0x0101010101010101) * tag;
  return ~(((word & low) + low) | word | low) & G_GUINT64_CONSTANT (0x00ffffffffffffff);
}

static inline gboolean
node_is (const Node *node, const Level *level)
{
  return node->key == level->key && node->len == level->len && memcmp (node->text, level->text, level->len) == 0;
}

static inline Node *
find_child (Node *node, const Level *level)
{
  gsize mask, i;
  guint8 tag;

  if (node->table_size == 0)
    {
      Node *only = node->children.only;

      return only != NULL && node_is (only, level) ? only : NULL;
    }

  mask = n_buckets (node) - 1;
  tag = tag_of (level->key);
  i = level->key & mask;
  for (gsize n = 0; n <= mask; n++, i = (i + 1) & mask)
    {
      const Bucket *bucket = &node->children.table[i];

      for (guint64 found = find_tag (bucket, tag); found != 0; found &= found - 1)
        {
          Node *child = bucket->slots[__builtin_ctzll (found) / 8];

          if (G_LIKELY (node_is (child, level)))
            return child;
        }
      if (G_LIKELY (bucket->n_over == 0))
        return NULL;
    }
  return NULL;
}

/* There is room: the caller saw to it. */
static void
table_put (Node *node, Node *child)
{
  gsize mask = n_buckets (node) - 1;

  for (gsize i = child->key & mask;; i = (i + 1) & mask)
    {
      Bucket *bucket = &node->children.table[i];

      for (guint slot = 0; slot < BUCKET_SLOTS; slot++)
        if (bucket->tags[slot] == 0)
          {
            bucket->tags[slot] = tag_of (child->key);
            bucket->slots[slot] = child;
            ++*n_children (node);
            return;
          }
      if (bucket->n_over < MAX_OVER)
        bucket->n_over++;
    }
}

static void
table_take (Node *node, Node *child)
{
  gsize mask = n_buckets (node) - 1;

  for (gsize i = child->key & mask;; i = (i + 1) & mask)
    {
      Bucket *bucket = &node->children.table[i];

      for (guint slot = 0; slot < BUCKET_SLOTS; slot++)
        if (bucket->tags[slot] != 0 && bucket->slots[slot] == child)
          {
            bucket->tags[slot] = 0;
            --*n_children (node);
            return;
          }
      if (bucket->n_over < MAX_OVER)
        bucket->n_over--;
    }
}

/* Named child number @i of those that may be, NULL where there is none. */
static inline Node *
table_get (Node *node, gsize i)
{
  const Bucket *bucket = &node->children.table[i / BUCKET_SLOTS];

  return bucket->tags[i % BUCKET_SLOTS] != 0 ? bucket->slots[i % BUCKET_SLOTS] : NULL;
}

static void
table_free (HawserMatchTree *self, Node *node)
{
  self->n_bytes -= table_bytes (n_buckets (node));
  g_aligned_free (node->children.table);
}

/* Puts the named children into a new table of size @table_size (see Node), or, with 0, the last of them into the node. */
static void
table_resize (HawserMatchTree *self, Node *node, guint8 table_size)
{
  Node old = *node;
  gsize size = (gsize) 1 << MAX (table_size - 1, 0);

  node->table_size = table_size;
  node->children.only = NULL;
  if (table_size > 0)
    {
      node->children.table = g_aligned_alloc (1, table_bytes (size), sizeof (Bucket));
      memset (node->children.table, 0, table_bytes (size));
      self->n_bytes += table_bytes (size);
    }

  if (old.table_size == 0)
    table_put (node, old.children.only);
  else
    {
      for (gsize i = 0; i < n_buckets (&old) * BUCKET_SLOTS; i++)
        {
          Node *child = table_get (&old, i);

          if (child == NULL)
            continue;
          if (table_size > 0)
            table_put (node, child);
          else
            node->children.only = child;
        }
      table_free (self, &old);
    }
}

static void
add_child (HawserMatchTree *self, Node *node, Node *child)
{
  gsize size;

  if (node->table_size == 0 && node->children.only == NULL)
    {
      node->children.only = child;
      return;
    }
  if (node->table_size == 0)
    table_resize (self, node, 1);
  size = n_buckets (node);
  if (*n_children (node) >= (size == 1 ? BUCKET_SLOTS : size * BUCKET_LOAD))
    table_resize (self, node, node->table_size + 1);
  table_put (node, child);
}

static void
remove_child (HawserMatchTree *self, Node *node, Node *child)
{
  if (node->plus == child)
    node->plus = NULL;
  else if (node->hash == child)
    node->hash = NULL;
  else if (node->table_size == 0)
    node->children.only = NULL;
  else
    {
      table_take (node, child);
      if (*n_children (node) == 1)
        table_resize (self, node, 0);
      else if (node->table_size > 1 && *n_children (node) < n_buckets (node))
        table_resize (self, node, node->table_size - 1);
    }
}

static inline gsize
node_bytes (gsize len)
{
  return MAX (G_STRUCT_OFFSET (Node, text) + len, sizeof (Node));
}

static Node *
node_new (HawserMatchTree *self, Node *parent, const Level *level)
{
  Node *node = g_malloc (node_bytes (level->len));

  node->base.value = NULL;
  node->parent = parent;
  node->plus = node->hash = NULL;
  node->children.only = NULL;
  node->key = level->key;
  node->len = (guint16) level->len;
  node->table_size = 0;
  memcpy (node->text, level->text, level->len);
  self->n_nodes++;
  self->n_bytes += node_bytes (level->len);
  return node;
}

static void
node_free (HawserMatchTree *self, Node *node)
{
  self->n_nodes--;
  self->n_bytes -= node_bytes (node->len);
  g_free (node);
}

HawserMatchTree *
hawser_match_tree_new (void)
{
  HawserMatchTree *self = g_new0 (HawserMatchTree, 1);
  Level none = { "", 0, 0 };

  self->root = node_new (self, NULL, &none);
  return self;
}

/* Makes the number of children that of the slots which steal_child() has still to look at. */
static void
begin_stealing (Node *node)
{
  if (node->table_size > 0)
    *n_children (node) = (guint32) (n_buckets (node) * BUCKET_SLOTS);
}

/* Takes one child away from @node, in any order. */
static Node *
steal_child (HawserMatchTree *self, Node *node)
{
  if (node->plus != NULL)
    return g_steal_pointer (&node->plus);
  if (node->hash != NULL)
    return g_steal_pointer (&node->hash);
  if (node->table_size == 0)
    return g_steal_pointer (&node->children.only);

  while (*n_children (node) > 0)
    {
      Node *child = table_get (node, --*n_children (node));

      if (child != NULL)
        return child;
    }
  table_free (self, node);
  node->table_size = 0;
  node->children.only = NULL;
  return NULL;
}

void
hawser_match_tree_free (HawserMatchTree *self)
{
  Node *node;

  if (self == NULL)
    return;

  begin_stealing (self->root);
  for (node = self->root; node != NULL;)
    {
      Node *child = steal_child (self, node);

      if (child != NULL)
        {
          begin_stealing (child);
          node = child;
        }
      else
        {
          Node *parent = node->parent;

          node_free (self, node);
          node = parent;
        }
    }
  g_free (self);
}

HawserMatchNode *
hawser_match_tree_insert (HawserMatchTree *self, const char *path, gsize len)
{
  Node *node = self->root;
  Path levels;

  path_init (&levels, path, len);
  for (guint i = 0; i < levels.n; i++)
    {
      const Level *level = &levels.levels[i];
      Node *child;

      if (level_is (level, '+'))
        child = node->plus != NULL ? node->plus : (node->plus = node_new (self, node, level));
      else if (level_is (level, '#'))
        child = node->hash != NULL ? node->hash : (node->hash = node_new (self, node, level));
      else if ((child = find_child (node, level)) == NULL)
        add_child (self, node, child = node_new (self, node, level));
      node = child;
    }
  path_clear (&levels);
  return &node->base;
}

HawserMatchNode *
hawser_match_tree_lookup (HawserMatchTree *self, const char *path, gsize len)
{
  const char *end = path + len;
  Node *node = self->root;

  for (;;)
    {
      const char *slash = path;
      Level level = { path, 0, 0 };

      while (slash < end && *slash != '/')
        slash++;
      level.len = (guint32) (slash - path);
      if (level_is (&level, '+'))
        node = node->plus;
      else if (level_is (&level, '#'))
        node = node->hash;
      else
        {
          level.key = hash_level (path, level.len);
          node = find_child (node, &level);
        }
      if (node == NULL || slash == end)
        return (HawserMatchNode *) node;
      path = slash + 1;
    }
}

void
hawser_match_tree_prune (HawserMatchTree *self, HawserMatchNode *match_node)
{
  Node *node = (Node *) match_node;

  while (node != self->root && node->base.value == NULL && node->plus == NULL && node->hash == NULL && node->children.only == NULL)
    {
      Node *parent = node->parent;

      remove_child (self, parent, node);
      node_free (self, node);
      node = parent;
    }
}

typedef struct {
  Node *node;
  guint level;  /* of the topic, to be matched by a child of node */
} Branch;

static void
emit (Node *node, HawserMatchFunc func, gpointer user_data)
{
  if (node != NULL && node->base.value != NULL)
    func (node->base.value, user_data);
}

void
hawser_match_tree_match (HawserMatchTree *self, const char *topic, gsize len, HawserMatchFunc func, gpointer user_data)
{
  Path path;
  Branch fixed[MAX_INLINE], *stack = fixed;
  gsize n_stack = 0;
  Node *node = self->root;
  guint level = 0;

  path_init (&path, topic, len);

  /* Depth first: the branch of the exact name goes on in the loop, that of `+` waits. At most one waits per level. */
  if (G_UNLIKELY (path.n > G_N_ELEMENTS (fixed)))
    stack = g_new (Branch, path.n);

  for (;;)
    {
      /* MQTT 5.0 section 4.7.2: wildcards at the first level do not match a topic that begins with $ */
      gboolean wild = level > 0 || len == 0 || topic[0] != '$';

      if (wild)
        emit (node->hash, func, user_data); /* also the parent level: 4.7.1.2 */
      if (level == path.n)
        {
          emit (node, func, user_data);
          node = NULL;
        }
      else
        {
          Node *plus = wild ? node->plus : NULL;

          node = find_child (node, &path.levels[level]);
          level++;
          if (node == NULL)
            node = plus;
          else if (plus != NULL)
            stack[n_stack++] = (Branch){ plus, level };
        }
      if (node == NULL)
        {
          if (n_stack == 0)
            break;
          node = stack[--n_stack].node;
          level = stack[n_stack].level;
        }
    }

  if (G_UNLIKELY (stack != fixed))
    g_free (stack);
  path_clear (&path);
}

/* Where a walk over many children stands. */
typedef struct {
  Node *node;
  guint64 next;   /* child to visit: 0 is plus, 1 is hash, from 2 on the named ones */
} Frame;

typedef struct {
  Frame *frames;
  gsize n;
  gsize n_max;
  Frame fixed[MAX_INLINE];
} Stack;

static void
stack_push (Stack *self, Node *node, guint64 next)
{
  if (G_UNLIKELY (self->n == self->n_max))
    {
      Frame *grown = g_new (Frame, self->n_max * 2);

      memcpy (grown, self->frames, self->n * sizeof (Frame));
      if (self->frames != self->fixed)
        g_free (self->frames);
      self->frames = grown;
      self->n_max *= 2;
    }
  self->frames[self->n++] = (Frame){ node, next };
}

static Node *
next_child (Frame *frame)
{
  Node *node = frame->node;

  if (frame->next == 0 && frame->next++ == 0 && node->plus != NULL)
    return node->plus;
  if (frame->next == 1 && frame->next++ == 1 && node->hash != NULL)
    return node->hash;
  if (node->table_size == 0)
    return frame->next++ == 2 ? node->children.only : NULL;
  while (frame->next - 2 < n_buckets (node) * BUCKET_SLOTS)
    {
      Node *child = table_get (node, (gsize) (frame->next++ - 2));

      if (child != NULL)
        return child;
    }
  return NULL;
}

/* With @path NULL everything is selected. Otherwise the depth of the stack is the level of the filter. */
static void
walk (HawserMatchTree *self, const Path *path, HawserSelectFunc func, gpointer user_data)
{
  Stack stack = { .frames = stack.fixed, .n = 0, .n_max = MAX_INLINE };
  const guint64 first = path == NULL ? 0 : 2; /* the children of a tree of names */
  gsize n_levels = path == NULL ? 0 : path->n;
  gboolean below = path == NULL; /* whether what lies past the last level is selected as well */
  Node *node;

  if (path != NULL && level_is (&path->levels[n_levels - 1], '#'))
    {
      below = TRUE;
      n_levels--;
    }

  stack_push (&stack, self->root, first);
  while (stack.n > 0)
    {
      Frame *frame = &stack.frames[stack.n - 1];
      gsize depth = stack.n - 1; /* of the level that a child of this frame stands for */

      if (depth < n_levels && !level_is (&path->levels[depth], '+'))
        {
          node = frame->next == first ? find_child (frame->node, &path->levels[depth]) : NULL;
          frame->next = first + 1;
        }
      else if (depth < n_levels || below)
        {
          node = next_child (frame);
          if (node != NULL && depth == 0 && path != NULL && node->len > 0 && node->text[0] == '$')
            continue;
        }
      else
        node = NULL;

      if (node == NULL)
        {
          stack.n--;
          continue;
        }
      if (depth + 1 >= n_levels && node->base.value != NULL && !func (&node->base, node->base.value, user_data))
        break;
      stack_push (&stack, node, first);
    }

  if (stack.frames != stack.fixed)
    g_free (stack.frames);
}

void
hawser_match_tree_select (HawserMatchTree *self, const char *filter, gsize len, HawserSelectFunc func, gpointer user_data)
{
  Path path;

  path_init (&path, filter, len);
  walk (self, &path, func, user_data);
  path_clear (&path);
}

void
hawser_match_tree_foreach (HawserMatchTree *self, HawserSelectFunc func, gpointer user_data)
{
  walk (self, NULL, func, user_data);
}

/* Counts the root. */
gsize
hawser_match_tree_get_n_nodes (HawserMatchTree *self)
{
  return self->n_nodes;
}

/* Without the overhead of the allocator. */
gsize
hawser_match_tree_get_n_bytes (HawserMatchTree *self)
{
  return sizeof *self + self->n_bytes;
}

char *
hawser_match_node_dup_path (HawserMatchNode *match_node)
{
  Node *node;
  gsize len = 0;
  char *path, *write;

  for (node = (Node *) match_node; node->parent != NULL; node = node->parent)
    len += (gsize) node->len + 1;
  if (len == 0)
    return g_strdup ("");

  path = g_malloc (len);
  write = path + len - 1;
  *write = '\0';
  for (node = (Node *) match_node; node->parent != NULL; node = node->parent)
    {
      write -= node->len;
      memcpy (write, node->text, node->len);
      if (node->parent->parent != NULL)
        *--write = '/';
    }
  return path;
}
