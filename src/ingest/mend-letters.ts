// What the commands of the dead letter queue need; they load it only when they run.
export { correctFromFile, type FileCorrections } from './correct-from-file';
export { checkCorrectable, editLetter, type EditedLetter } from './edit-letter';
export { exportHeader, exportLine } from './export-letters';
export { correctedTexts, fieldsOfLetter, type LetterFields } from './letter-fields';
