/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a whole configuration must satisfy: known kinds, keys and types, values in range, names that lead somewhere, no
 * listener that lets strangers in by accident. Every problem is reported; nothing is changed. */

#include "hawser-config-private.h"

#include <string.h>
#include <sys/stat.h>

typedef struct {
  HawserConfigShared *shared;
  GPtrArray *groups;
  GHashTable *by_title;
  gboolean skips_plugins;   /* on-plugin-error=skip */
} Check;

#define MAX_ANCESTORS 256 /* ours: a circle above a twin is noticed after so many steps */

#define ERROR HAWSER_CONFIG_SEVERITY_ERROR
#define WARNING HAWSER_CONFIG_SEVERITY_WARNING

static HawserConfigGroup *
find_group (Check *check, const char *kind, const char *name)
{
  g_autofree char *title = *name != '\0' ? g_strconcat (kind, " ", name, NULL) : g_strdup (kind);

  return g_hash_table_lookup (check->by_title, title);
}

static gboolean
is_enabled (HawserConfigGroup *group)
{
  HawserConfigValue *value = hawser_config_group_find (group, "enabled");

  return value == NULL || strcmp (value->text, "false") != 0;
}

static const char *
text_of (HawserConfigGroup *group, const char *key)
{
  HawserConfigValue *value = hawser_config_group_find (group, key);

  return value != NULL ? value->text : NULL;
}

/* ---- kinds ---- */

static gboolean
check_kind (HawserConfigGroup *group)
{
  const HawserConfigKind *kind = hawser_config_find_kind (group->kind);
  g_autoptr (GPtrArray) kinds = NULL;
  const char *meant;

  if (kind != NULL && kind->is_named == (*group->name != '\0'))
    return TRUE;
  if (kind != NULL)
    {
      hawser_config_group_report (group, ERROR, kind->is_named ? "needs a name: [%s NAME]" : "takes no name: [%s]", kind->kind);
      return FALSE;
    }
  kinds = g_ptr_array_new ();
  for (kind = hawser_config_kinds; kind->kind != NULL; kind++)
    g_ptr_array_add (kinds, (gpointer) kind->kind);
  meant = hawser_config_suggest (group->kind, kinds);
  if (meant != NULL)
    hawser_config_group_report (group, ERROR, "there is no kind \"%s\"; did you mean \"%s\"?", group->kind, meant);
  else
    hawser_config_group_report (group, ERROR, "there is no kind \"%s\"", group->kind);
  return FALSE;
}

/* ---- types ---- */

static int
compare_texts (gconstpointer a, gconstpointer b)
{
  return strcmp (*(const char * const *) a, *(const char * const *) b);
}

static GPtrArray *
list_types (Check *check, const char *kind)
{
  GPtrArray *types = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer id;
  gsize len = strlen (kind);

  g_hash_table_iter_init (&iter, check->shared->types);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    if (strncmp (id, kind, len) == 0 && ((char *) id)[len] == '\n')
      g_ptr_array_add (types, (char *) id + len + 1);
  g_hash_table_iter_init (&iter, check->shared->offered);
  while (g_hash_table_iter_next (&iter, &id, NULL))
    if (strncmp (id, kind, len) == 0 && ((char *) id)[len] == '\n' && !g_hash_table_contains (check->shared->types, id))
      g_ptr_array_add (types, (char *) id + len + 1);
  g_ptr_array_sort (types, compare_texts);
  return types;
}

/* Whether the keys of the group can be judged. */
static gboolean
check_type (Check *check, HawserConfigGroup *group)
{
  HawserConfigValue *value = hawser_config_group_find (group, "type");
  const HawserConfigKind *kind = hawser_config_find_kind (group->kind);
  g_autofree char *id = NULL, *known = NULL, *shown = NULL;
  g_autoptr (GPtrArray) types = NULL;
  const char *meant;

  if (value == NULL || !kind->has_type || value->problem != NULL)
    return !kind->has_type || value == NULL;
  id = g_strconcat (group->kind, "\n", value->text, NULL);
  if (g_hash_table_contains (check->shared->types, id))
    return TRUE;

  types = list_types (check, group->kind);
  meant = hawser_config_suggest (value->text, types);
  g_ptr_array_add (types, NULL);
  known = g_strjoinv (", ", (char **) types->pdata);
  shown = hawser_config_value_show (value);
  hawser_config_group_report_at (group, value, 0, check->skips_plugins ? WARNING : ERROR, "type=%s: no plugin has this %s type%s%s%s; known: %s", shown, group->kind,
                                 meant != NULL ? "; did you mean \"" : "", meant != NULL ? meant : "", meant != NULL ? "\"?" : "", *known != '\0' ? known : "none");
  return FALSE;
}

/* ---- keys ---- */

static void
check_unknown_key (Check *check, HawserConfigGroup *group, HawserConfigValue *value)
{
  g_autoptr (GPtrArray) keys = g_ptr_array_new ();
  const char *type = text_of (group, "type");
  g_autofree char *id = g_strconcat (group->kind, "\n", type != NULL ? type : "", NULL), *text = NULL;
  GPtrArray *type_keys = g_hash_table_lookup (check->shared->types, id);
  const char *meant;

  for (const HawserConfigKey *key = hawser_config_keys; key->key != NULL; key++)
    if (strcmp (key->kind, group->kind) == 0)
      g_ptr_array_add (keys, (gpointer) key->key);
  for (guint i = 0; type_keys != NULL && i < type_keys->len; i++)
    g_ptr_array_add (keys, (gpointer) ((HawserConfigTypeKey *) g_ptr_array_index (type_keys, i))->key.key);

  meant = hawser_config_suggest (value->key, keys);
  if (meant != NULL)
    text = g_strdup_printf ("[%s] has no key \"%.80s\"; did you mean \"%s\"?", group->title, value->key, meant);
  else
    text = g_strdup_printf ("[%s] has no key \"%.80s\"", group->title, value->key);
  hawser_config_shared_report (check->shared, ERROR, value->file, value->line, value->key_column, text);
}

static void
check_reference (Check *check, HawserConfigGroup *group, HawserConfigValue *value, const char *kind, const char *name)
{
  const char *at = strstr (value->text, name);
  g_autoptr (GPtrArray) names = NULL;
  g_autofree char *shown = NULL;
  const char *meant;

  if (find_group (check, kind, name) != NULL)
    return;
  names = g_ptr_array_new ();
  for (guint i = 0; i < check->groups->len; i++)
    {
      HawserConfigGroup *other = g_ptr_array_index (check->groups, i);

      if (strcmp (other->kind, kind) == 0)
        g_ptr_array_add (names, other->name);
    }
  meant = hawser_config_suggest (name, names);
  shown = hawser_config_value_show (value);
  hawser_config_group_report_at (group, value, at != NULL ? (guint) g_utf8_strlen (value->text, at - value->text) : 0, ERROR, "%s=%s: there is no [%s %s]%s%s%s", value->key, shown, kind, name,
                                 meant != NULL ? "; did you mean \"" : "", meant != NULL ? meant : "", meant != NULL ? "\"?" : "");
}

static void
check_references (Check *check, HawserConfigGroup *group, HawserConfigValue *value, const char *kind)
{
  g_auto (GStrv) names = hawser_config_split (value->text);

  for (gsize i = 0; names[i] != NULL; i++)
    check_reference (check, group, value, kind, names[i]);
}

/* HARDENING F5: a secret that every user of the machine can read is none. */
static void
check_secret_file (HawserConfigGroup *group, HawserConfigValue *value)
{
  struct stat info;
  g_autofree char *shown = hawser_config_value_show (value);

  if (stat (value->text, &info) == 0 && S_ISREG (info.st_mode) && (info.st_mode & (S_IRGRP | S_IROTH | S_IWGRP | S_IWOTH)) != 0)
    hawser_config_group_report_at (group, value, 0, WARNING, "%s=%s: others than its owner may read or write it (mode %04o); chmod 600", value->key, shown, (guint) info.st_mode & 07777);
}

/* https://user:password@host in a file that is printed and shown. */
static void
check_no_password (HawserConfigGroup *group, HawserConfigValue *value)
{
  const char *start = strstr (value->raw, "://"), *at, *colon;

  if (start == NULL)
    return;
  start += 3;
  at = memchr (start, '@', strcspn (start, "/"));
  colon = at != NULL ? memchr (start, ':', (gsize) (at - start)) : NULL;
  if (colon != NULL && at - colon > 1)
    hawser_config_group_report_at (group, value, (guint) g_utf8_strlen (value->raw, colon + 1 - value->raw), WARNING, "%s: a password in a URI is readable by whoever reads this file; use a credential", value->key);
}

static void
check_value (Check *check, HawserConfigGroup *group, HawserConfigValue *value, gboolean knows_type)
{
  const HawserConfigKey *key = hawser_config_group_find_key (group, value->key);
  g_autofree char *shown = hawser_config_value_show (value), *problem = NULL;
  guint offset;

  if (key == NULL && !knows_type)
    return;
  if (key == NULL)
    {
      check_unknown_key (check, group, value);
      return;
    }
  if (value->problem != NULL)
    {
      hawser_config_group_report_at (group, value, value->problem_column - 1, ERROR, "%s: %s", value->key, value->problem);
      return;
    }
  problem = hawser_config_check_text (key, value->text, &offset);
  if (problem != NULL && key->type == HAWSER_KEY_POLICY)
    hawser_config_group_report_at (group, value, offset, ERROR, "%s: %s", value->key, problem);
  else if (problem != NULL)
    hawser_config_group_report_at (group, value, offset, ERROR, "%s=%s: %s", value->key, shown, problem);
  else if (key->type == HAWSER_KEY_REFERENCE)
    check_reference (check, group, value, key->words, value->text);
  else if (key->type == HAWSER_KEY_REFERENCES)
    check_references (check, group, value, key->words);
  else if (key->type == HAWSER_KEY_SECRET_FILE)
    check_secret_file (group, value);
  else if (key->type == HAWSER_KEY_STRING)
    check_no_password (group, value);
}

static void
check_required (HawserConfigGroup *group)
{
  g_auto (GStrv) required = g_strsplit (hawser_config_find_kind (group->kind)->required, " ", -1);

  for (gsize i = 0; required[i] != NULL; i++)
    if (*required[i] != '\0' && !hawser_config_group_has (group, required[i]))
      hawser_config_group_report (group, ERROR, "needs %s=", required[i]);
}

/* ---- kinds with rules of their own ---- */

/* Neither certificate nor key: pre-shared keys alone. One without the other is a slip. */
static gboolean
has_no_certificate (HawserConfigGroup *group)
{
  static const char * const keys[] = { "certificate-file", "certificate-credential", "private-key-file", "private-key-credential" };

  for (gsize i = 0; i < G_N_ELEMENTS (keys); i++)
    if (hawser_config_group_has (group, keys[i]))
      return FALSE;
  return TRUE;
}

static void
check_tls (HawserConfigGroup *group)
{
  for (gsize i = 0; i < 2 && !has_no_certificate (group); i++)
    {
      const char *thing = ((const char *[]) { "certificate", "private-key" })[i];
      g_autofree char *file = g_strconcat (thing, "-file", NULL), *credential = g_strconcat (thing, "-credential", NULL);
      gboolean has_file = hawser_config_group_has (group, file), has_credential = hawser_config_group_has (group, credential);

      if (has_file == has_credential)
        hawser_config_group_report (group, ERROR, has_file ? "names both %s= and %s=" : "needs %s= or %s=", file, credential);
    }
  if (hawser_config_group_has (group, "crl-file") && !hawser_config_group_has (group, "client-ca-file") && !hawser_config_group_has (group, "client-ca-credential"))
    hawser_config_group_report (group, ERROR, "crl-file= needs client-ca-file= or client-ca-credential=");
  if (g_strcmp0 (text_of (group, "client-auth"), "require") == 0 && !hawser_config_group_has (group, "client-ca-file") && !hawser_config_group_has (group, "client-ca-credential"))
    hawser_config_group_report (group, ERROR, "client-auth=require needs client-ca-file= or client-ca-credential=");
}

static void
check_listener (Check *check, HawserConfigGroup *group)
{
  const char *mount_point = text_of (group, "mount-point");
  const char *address = text_of (group, "address"), *identities = text_of (group, "identities");
  HawserConfigGroup *admin = find_group (check, "admin", "");
  gboolean is_anonymous = g_strcmp0 (text_of (group, "anonymous"), "allow") == 0;

  if (mount_point != NULL && (*mount_point == '$' || strpbrk (mount_point, "+#") != NULL))
    hawser_config_group_add_problem (group, "mount-point", ERROR, "begins with no $ and has no + and #");
  if (address == NULL || !is_enabled (group) || !hawser_config_address_is_outside (address))
    return;
  if ((identities == NULL || *identities == '\0') && !is_anonymous)
    hawser_config_group_report (group, ERROR, "is reachable from outside and lets anyone in; name identities= or write anonymous=allow");
  if (g_strcmp0 (text_of (group, "admin"), "true") == 0 && (admin == NULL || !hawser_config_group_has (admin, "policy")))
    hawser_config_group_report (group, ERROR, "serves the admin API to the outside; name policy= in [admin]");
}

static void
check_admin (HawserConfigGroup *group)
{
  const char *address = text_of (group, "address");
  g_auto (GStrv) addresses = hawser_config_split (address != NULL ? address : "");

  if (!is_enabled (group) || hawser_config_group_has (group, "policy"))
    return;
  for (gsize i = 0; addresses[i] != NULL; i++)
    if (hawser_config_address_is_outside (addresses[i]))
      {
        hawser_config_group_report (group, ERROR, "is reachable from outside and lets anyone in; name policy=");
        return;
      }
}

static void
check_topic (HawserConfigGroup *group)
{
  const HawserConfigKey filter = { .type = HAWSER_KEY_FILTER };
  guint offset;
  g_autofree char *problem = hawser_config_check_text (&filter, group->name, &offset);

  if (problem != NULL)
    hawser_config_group_report (group, ERROR, "%s", problem);
}

/* Follows the parents up. */
static void
check_twin (Check *check, HawserConfigGroup *group)
{
  HawserConfigGroup *above = group;

  for (guint i = 0; above != NULL; i++)
    {
      const char *parent = text_of (above, "parent");

      above = parent != NULL ? find_group (check, "twin", parent) : NULL;
      if (above == group || (above != NULL && i == MAX_ANCESTORS))
        {
          hawser_config_group_add_problem (group, "parent", ERROR, above == group ? "a twin may not be its own ancestor" : "a twin has at most 256 ancestors");
          return;
        }
    }
}

/* Two listeners at one address: the second would fail at start. */
static void
check_addresses (Check *check)
{
  g_autoptr (GHashTable) used = g_hash_table_new (g_str_hash, g_str_equal);

  for (guint i = 0; i < check->groups->len; i++)
    {
      HawserConfigGroup *group = g_ptr_array_index (check->groups, i), *other;
      HawserConfigValue *value = strcmp (group->kind, "listener") == 0 ? hawser_config_group_find (group, "address") : NULL;
      g_autofree char *shown = NULL;

      if (value == NULL || !is_enabled (group) || g_str_has_suffix (value->text, ":0") || *value->text == '\0')
        continue;
      other = g_hash_table_lookup (used, value->text);
      shown = hawser_config_value_show (value);
      if (other != NULL)
        hawser_config_group_report_at (group, value, 0, ERROR, "address=%s: [%s] is already there", shown, other->title);
      else
        g_hash_table_insert (used, value->text, group);
    }
}

static void
check_group (Check *check, HawserConfigGroup *group)
{
  gboolean knows_type;

  if (!check_kind (group))
    return;
  knows_type = check_type (check, group);
  for (guint i = 0; i < group->values->len && check->shared->problems->len < HAWSER_CONFIG_MAX_PROBLEMS; i++)
    check_value (check, group, g_ptr_array_index (group->values, i), knows_type);
  check_required (group);

  if (strcmp (group->kind, "tls") == 0)
    check_tls (group);
  else if (strcmp (group->kind, "listener") == 0)
    check_listener (check, group);
  else if (strcmp (group->kind, "admin") == 0)
    check_admin (group);
  else if (strcmp (group->kind, "topic") == 0)
    check_topic (group);
  else if (strcmp (group->kind, "twin") == 0)
    check_twin (check, group);
}

void
hawser_config_check_groups (HawserConfigShared *shared, GPtrArray *groups)
{
  g_autoptr (GHashTable) by_title = g_hash_table_new (g_str_hash, g_str_equal);
  Check check = { shared, groups, by_title, FALSE };
  HawserConfigGroup *hawser;

  for (guint i = 0; i < groups->len; i++)
    g_hash_table_insert (by_title, ((HawserConfigGroup *) g_ptr_array_index (groups, i))->title, g_ptr_array_index (groups, i));
  hawser = find_group (&check, "hawser", "");
  check.skips_plugins = hawser != NULL && g_strcmp0 (text_of (hawser, "on-plugin-error"), "skip") == 0;
  for (guint i = 0; i < groups->len; i++)
    check_group (&check, g_ptr_array_index (groups, i));
  check_addresses (&check);
}
