//! Tables that a transaction alters, renames or drops.

use pg_query::NodeEnum;
use pg_query::protobuf as pg;
use std::sync::Arc;

use crate::sql::catalog::{Catalog, Relation};
use crate::sql::postgres::value::expression::strings;

impl Catalog {
    pub(super) fn drop_objects(&mut self, drop: &pg::DropStmt) -> Option<()> {
        use pg::ObjectType as Type;
        // What else goes with it is not followed.
        if drop.behavior == pg::DropBehavior::DropCascade as i32 {
            return None;
        }
        match Type::try_from(drop.remove_type).ok()? {
            // Whoever counts with one that is gone refuses more than it must.
            Type::ObjectIndex
            | Type::ObjectType
            | Type::ObjectDomain
            | Type::ObjectSchema
            | Type::ObjectFunction
            | Type::ObjectProcedure
            | Type::ObjectRoutine
            | Type::ObjectAggregate
            | Type::ObjectTrigger
            | Type::ObjectPolicy
            | Type::ObjectStatisticExt => return Some(()),
            Type::ObjectTable | Type::ObjectView | Type::ObjectMatview | Type::ObjectSequence => {}
            _ => return None,
        }
        for object in &drop.objects {
            let Some(NodeEnum::List(path)) = &object.node else { return None };
            let range = match strings(&path.items)?.as_slice() {
                [name] => range("", name),
                [schema, name] => range(schema, name),
                _ => return None,
            };
            match self.find(&range) {
                Some(known) => self.remove(&known),
                None if drop.missing_ok => {}
                None => return None,
            }
        }
        Some(())
    }

    pub(super) fn alter_table(&mut self, alter: &pg::AlterTableStmt) -> Option<()> {
        if alter.objtype == pg::ObjectType::ObjectIndex as i32 {
            return Some(());
        }
        if alter.objtype == pg::ObjectType::ObjectType as i32 {
            // Tables of the type change with it.
            return None;
        }
        let known = self.find(alter.relation.as_ref()?)?;
        let mut changed = known.clone();
        for command in &alter.cmds {
            let Some(NodeEnum::AlterTableCmd(command)) = &command.node else { return None };
            self.alter_command(&mut changed, command)?;
        }
        self.replace(&known, changed)
    }

    fn alter_command(&self, table: &mut Relation, command: &pg::AlterTableCmd) -> Option<()> {
        use pg::AlterTableType as Type;
        let def = || command.def.as_deref();
        match Type::try_from(command.subtype).ok()? {
            Type::AtAddColumn => self.table_part(table, def()?),
            Type::AtAlterColumnType => {
                let Some(NodeEnum::ColumnDef(column)) = &def()?.node else { return None };
                self.is_plain_type(column.type_name.as_ref()?).then_some(())?;
                let using = column.raw_default.as_deref();
                let made_of = self.expression(using, table.columns.clone())?;
                let columns = Arc::make_mut(&mut table.columns);
                let own = columns.list.iter_mut().find(|own| *own.name == *command.name)?;
                if !own.lineage.sources.holds(&made_of.sources) {
                    own.lineage.mix(&made_of);
                }
                Some(())
            }
            Type::AtDropColumn => {
                let columns = Arc::make_mut(&mut table.columns);
                columns.list.retain(|own| *own.name != *command.name);
                Some(())
            }
            Type::AtColumnDefault => self.calls_nothing(def()).then_some(()),
            Type::AtAddConstraint => {
                let Some(NodeEnum::Constraint(constraint)) = &def()?.node else { return None };
                self.plain_constraint(table, constraint)
            }
            Type::AtDropNotNull
            | Type::AtSetNotNull
            | Type::AtSetStatistics
            | Type::AtSetStorage
            | Type::AtSetCompression
            | Type::AtSetOptions
            | Type::AtResetOptions
            | Type::AtValidateConstraint
            | Type::AtDropConstraint
            | Type::AtSetRelOptions
            | Type::AtResetRelOptions
            | Type::AtAddIdentity
            | Type::AtDropIdentity
            | Type::AtSetIdentity
            | Type::AtSetLogged
            | Type::AtSetUnLogged
            | Type::AtClusterOn
            | Type::AtDropCluster
            | Type::AtReplicaIdentity
            | Type::AtChangeOwner
            // What is switched off counts as if it ran.
            | Type::AtDisableTrig
            | Type::AtDisableTrigAll
            | Type::AtDisableTrigUser
            | Type::AtEnableTrig
            | Type::AtEnableTrigAll
            | Type::AtEnableTrigUser
            | Type::AtEnableRowSecurity
            | Type::AtDisableRowSecurity
            | Type::AtForceRowSecurity
            | Type::AtNoForceRowSecurity => Some(()),
            _ => None,
        }
    }

    pub(super) fn rename(&mut self, rename: &pg::RenameStmt) -> Option<()> {
        use pg::ObjectType as Type;
        match Type::try_from(rename.rename_type).ok()? {
            Type::ObjectIndex | Type::ObjectTabconstraint => Some(()),
            Type::ObjectTable | Type::ObjectView | Type::ObjectMatview | Type::ObjectSequence => {
                let known = self.find(rename.relation.as_ref()?)?;
                let changed = Relation { name: rename.newname.clone(), ..known.clone() };
                self.replace(&known, changed)
            }
            Type::ObjectColumn => {
                let known = self.find(rename.relation.as_ref()?)?;
                let mut changed = known.clone();
                let columns = Arc::make_mut(&mut changed.columns);
                let own = columns.list.iter_mut().find(|own| *own.name == *rename.subname)?;
                own.name = rename.newname.as_str().into();
                let generated = changed.generated.iter_mut();
                generated.filter(|own| **own == rename.subname).for_each(|own| {
                    own.clone_from(&rename.newname);
                });
                self.replace(&known, changed)
            }
            _ => None,
        }
    }
}

fn range(schema: &str, name: &str) -> pg::RangeVar {
    pg::RangeVar {
        schemaname: schema.to_owned(),
        relname: name.to_owned(),
        ..pg::RangeVar::default()
    }
}
